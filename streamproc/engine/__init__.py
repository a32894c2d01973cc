"""The engine around Faust: bytes in, bytes out, no record lost, no offset committed past unfinished work."""

from streamproc.engine.config import EngineConfig
from streamproc.engine.delivery.stage import Stage
from streamproc.engine.engine import Engine
from streamproc.engine.join.join import Join
from streamproc.engine.join.logic import JoinLogic
from streamproc.engine.records import Outgoing, Record

__all__ = ["Engine", "EngineConfig", "Join", "JoinLogic", "Outgoing", "Record", "Stage"]
