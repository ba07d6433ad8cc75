"""Which e-mail domains an organization may claim: registrable names that are not everybody's."""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from portal.errors import Problem, Refused
from portal.store.organizations import email_domain

# Where anybody gets an address. A domain below one of these is somebody's own.
_PUBLIC_MAIL = """
    126.com 139.com 163.com 21cn.com abv.bg aim.com alice.it aol.com aol.de arcor.de att.net bellsouth.net bigpond.com
    bk.ru bluewin.ch bol.com.br btinternet.com caramail.com centrum.cz charter.net chello.at comcast.net cox.net
    cs.com daum.net duck.com earthlink.net email.cz email.de fastmail.com fastmail.fm foxmail.com free.fr freenet.de
    freemail.hu frontier.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hanmail.net hey.com
    home.nl hotmail.be hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com
    ig.com.br inbox.com inbox.lv inbox.ru juno.com kpnmail.nl laposte.net libero.it list.ru live.be live.ca live.co.uk
    live.com live.com.mx live.de live.fr live.it live.nl lycos.com mac.com mail.bg mail.com mail.de mail.ee mail.ru
    mailbox.org me.com msn.com mts.net nate.com naver.com netscape.net netzero.net ntlworld.com o2.pl online.no
    onet.pl optonline.net orange.fr outlook.be outlook.com outlook.de outlook.es outlook.fr outlook.it passport.com
    pm.me post.cz posteo.de prodigy.net proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com
    rocketmail.com rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.cn sina.com sky.com
    skynet.be sohu.com startmail.com sympatico.ca t-online.de talktalk.net telenet.be telia.com telus.net
    terra.com.br tiscali.it tuta.io tutanota.com tutanota.de uol.com.br ukr.net verizon.net virgilio.it virgin.net
    virginmedia.com wanadoo.fr web.de windstream.net wp.pl xs4all.nl xtra.co.nz ya.ru yahoo.ca yahoo.co.in
    yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.in yahoo.it
    yandex.com yandex.ru yeah.net ymail.com zoho.com ziggo.nl zonnet.nl
"""
PUBLIC_MAIL = frozenset(_PUBLIC_MAIL.split())


def read_domain(text: str) -> str:
    """The domain somebody means by what they typed: a name, an address of a page, or an e-mail address.

    Raises Refused(MAIL_DOMAIN_FORM, MAIL_DOMAIN_PUBLIC).
    """
    name = text.strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0]
    name = name.rpartition("@")[2].removeprefix("www.").rstrip(".")
    if not email_domain(f"a@{name}") or _suffixes().privatesuffix(name) is None:
        raise Refused(Problem.MAIL_DOMAIN_FORM)
    if name in PUBLIC_MAIL:
        raise Refused(Problem.MAIL_DOMAIN_PUBLIC)
    return name


def suggest_domain(email: str) -> str:
    """The domain of somebody's own address, if an organization may claim it; else ""."""
    try:
        return read_domain(email_domain(email)) if email_domain(email) else ""
    except Refused:
        return ""


@lru_cache
def _suffixes() -> PublicSuffixList:
    """Read once, when it is first needed: 10,000 lines."""
    return PublicSuffixList()
