"""Settings of the gateway, read once at start."""

import re
from dataclasses import dataclass
from typing import Final

from oms_platform.kafka.settings import KafkaFields
from oms_platform.kill_feed import AGE_S_MAX, require_age

PREFIX: Final = "OMS_API_"
# RFC 6454, 6.2: in lower case, without a path, and without the scheme's own port.
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
# A door of this very machine: in a container or a cluster nobody else listens there.
_CHAOS_DOOR: Final = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}")
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings(KafkaFields):
    """The gateway: REST, WebSocket and gRPC.

    health_port: metrics and what readiness stands on, for who runs it; clients have no way there. read_dsn: a
    replica for queries that may be slightly old, none when empty; it is used while it is at most
    read_lag_ms_max behind. shed_age_s: new orders are refused while the oldest one that this gateway took has
    waited longer for the core's and the router's answer. sor_host, sor_port: of sor-answers.
    question_rate_per_s: of what it is asked, for each caller. market_data_port 0: nobody is asked for quotes.
    oidc_internal_url: where the issuer's documents are read, if not where its name leads. page_client_id: as
    which client of the issuer the page at / logs people in; when empty it takes only a token that is pasted.
    page_scope: what the page asks the issuer for. cors_origins: whose pages may read answers in a browser, by
    commas, none when empty. fix_port 0: no FIX clients. fix_comp_id: ours, their TargetCompID.
    fix_certificate, fix_key: files of the FIX port's certificate, without one it speaks no TLS;
    fix_client_ca: who signs its clients', which then need one. mark_age_s_max: how old the quote of a mark
    may be, before that is stale; mark_off_bps_max: how far from its instrument's reference price a mark may
    be. kills_age_s_max: no new order is taken while the kill switches were not looked at for so long.
    chaos_url: of the door of a laptop's stack that breaks things on purpose, on loopback only, none when
    empty; chaos_password: without which that door takes nothing.
    """

    http_port: int
    grpc_port: int
    health_port: int
    postgres_dsn: str
    redis_url: str
    oidc_issuer: str
    sor_port: int
    core_port: int
    sor_host: str = "127.0.0.1"
    core_host: str = "127.0.0.1"
    market_data_host: str = "127.0.0.1"
    market_data_port: int = 0
    oidc_audience: str = "oms-api"
    oidc_internal_url: str = ""
    page_client_id: str = ""
    page_scope: str = "openid"
    read_dsn: str = ""
    read_lag_ms_max: int = 5_000
    host: str = "127.0.0.1"
    rate_per_s: int = 5_000
    rate_burst: int = 10_000
    question_rate_per_s: int = 50
    question_rate_burst: int = 100
    queue_max: int = 5_000
    commit_timeout_ms: int = 5_000
    shed_age_s: float = 2.0
    cors_origins: str = ""
    fix_port: int = 0
    fix_comp_id: str = "OMS"
    fix_certificate: str = ""
    fix_key: str = ""
    fix_client_ca: str = ""
    kills_age_s_max: float = AGE_S_MAX
    mark_age_s_max: float = 15.0
    mark_off_bps_max: int = 5_000
    chaos_url: str = ""
    chaos_password: str = ""
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        """Raise ValueError for an origin that no browser names so, and what has no effect or is unsafe."""
        KafkaFields.__post_init__(self)
        require_age("OMS_API_KILLS_AGE_S_MAX", self.kills_age_s_max)
        if self.mark_age_s_max <= 0:
            raise ValueError(f"OMS_API_MARK_AGE_S_MAX must be above 0, was {self.mark_age_s_max}")
        if self.mark_off_bps_max <= 0:
            raise ValueError(f"OMS_API_MARK_OFF_BPS_MAX must be above 0, was {self.mark_off_bps_max}")
        if self.fix_client_ca and not self.fix_certificate:
            raise ValueError(
                "OMS_API_FIX_CLIENT_CA is without effect unless there is OMS_API_FIX_CERTIFICATE"
            )
        if self.chaos_url and not _CHAOS_DOOR.fullmatch(self.chaos_url):
            raise ValueError(
                "OMS_API_CHAOS_URL must be http://127.0.0.1:PORT: no other place may break things"
            )
        if bool(self.chaos_url) != bool(self.chaos_password):
            raise ValueError("OMS_API_CHAOS_URL and OMS_API_CHAOS_PASSWORD are set together, or not at all")
        for origin in self.allowed_origins:
            if not _ORIGIN.fullmatch(origin) or origin.endswith(_DEFAULT_PORT[origin.partition(":")[0]]):
                raise ValueError(
                    "OMS_API_CORS_ORIGINS must be origins as browsers name them, such as"
                    f" https://desk.example.com, by commas, was {origin!r}"
                )

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins whose pages may read answers, as browsers name them."""
        return frozenset(one.strip() for one in self.cors_origins.split(",") if one.strip())
