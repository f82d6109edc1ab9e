"""The servers that are measured side by side, one file each: its configuration as text, and how it is started."""

from .bare_hyper import BareHyper
from .edgepass import Edgepass
from .envoy import Envoy
from .nginx import Nginx
from .nginx_njs import NginxNjs
from .traffic_server import TrafficServer
from .varnish import Varnish

PEERS = [Edgepass, Nginx, NginxNjs, Envoy, TrafficServer, Varnish, BareHyper]
