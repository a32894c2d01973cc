"""All that can be done to an installation, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.injections import disks, records, rights, servers, workers
from tests.faults.injections import from_outside as outside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection

INJECTIONS: Final[dict[str, Callable[[Environment, Injection], Awaitable[None]]]] = {
    "crash": workers.crash,
    "crash-all": workers.crash_all,
    "recovery": workers.recovery,
    "kill": workers.kill,
    "kill-one": workers.kill_one,
    "term": workers.term,
    "block": workers.block,
    "pause": workers.pause,
    "outlast": workers.outlast,
    "churn": workers.churn,
    "clock": workers.clock,
    "pool-kill": workers.pool_kill,
    "pool-server-kill": workers.pool_server_kill,
    "pool-hang": workers.pool_hang,
    "upgrade": workers.upgrade,
    "broker-stop": servers.broker_stop,
    "broker-kill": servers.broker_kill,
    "broker-freeze": servers.broker_freeze,
    "postgres-stop": servers.postgres_stop,
    "postgres-kill": servers.postgres_kill,
    "exhaust": servers.exhaust,
    "swallow": servers.swallow,
    "cut": servers.cut,
    "fail-writes": servers.fail_writes,
    "database-clock": servers.database_clock,
    "fill-broker": disks.fill_broker,
    "fill-postgres": disks.fill_postgres,
    "forbid": rights.forbid,
    "revoke": rights.revoke,
    "abort": outside.abort,
    "hold-open": outside.hold_open,
    "option": outside.option,
    "poison": outside.poison,
    "resend": records.resend,
    "repeat": records.repeat,
    "cancel": records.cancel,
    "drift": records.drift,
    "shrink": records.shrink,
    "rewind": records.rewind,
    "trim": records.trim,
    "unmake": records.unmake,
    "widen": records.widen,
    "grow": records.grow,
}
