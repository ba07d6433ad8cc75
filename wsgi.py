"""The application that servers and the `flask` command run: settings from the environment, nothing else."""

import gc
import os
from pathlib import Path

import native_bridge
from portal import create_app
from portal.settings import read_settings

settings = read_settings(os.environ, Path(os.environ.get("POINT_INSTANCE", Path(__file__).parent / "instance")))
app = create_app(settings)
native_bridge.init_app(app)
# What has been loaded stays for good: the garbage collector need not look at it again and again.
gc.freeze()
