"""Runs the cases of the Autobahn test suite against a server, and writes the suite's reports.

    tests/autobahn/python SUITE tests/autobahn/client.py SUITE URL FOLDER

This is Python 2. Left out are the cases of compression, which fovea does not offer.
"""

import site
import sys
import types
import unittest

suite, url, folder = sys.argv[1:]
site.addsitedir(suite + "/site")

import zope

zope.__path__.append(suite + "/site/zope")

# These are imported, and not used: TLS, and the tests of another protocol.
import twisted.internet

tls = types.ModuleType("twisted.internet.ssl")
tls.ClientContextFactory = lambda: None
sys.modules["twisted.internet.ssl"] = twisted.internet.ssl = tls
sys.modules["unittest2"] = unittest

from autobahntestsuite import fuzzing
from twisted.internet import reactor

fuzzing.startClient({"servers": [{"url": url}], "outdir": folder, "cases": ["*"], "exclude-cases": ["12.*", "13.*"]})
reactor.run()
