"""The app's part of a login, as a command line: what an app has to do at POINT's native bridge, to read and to run.

It knows the bridge by its calls alone and imports nothing else of this project. A login in five lines:
    logins.begin      a code_verifier, POST /login, all of it on file, and only then the system browser
    logins.find       the deep link's state -> the attempt on file; a state that is not there changes nothing
    logins.finish     link and verifier -> POST /login/complete -> tokens on file -> the attempt is done with
    tokens.use        a call with the access token; refreshed by one process for all, 401 means logged out
    tokens.log_out    the tokens are dead here and there before a browser opens

`keeping` is where it is kept, `server` how POINT is asked, `dpop` the proof of possession, `desktop` what makes Linux
hand the deep links over. Runs on Linux and macOS.
"""
