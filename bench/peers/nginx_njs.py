"""nginx's `proxy_cache` behind njs, which verifies an HS256 token and compares its workspace with the path on every request."""

from tokens import b64

from .nginx import Nginx

MODULE = "/usr/lib/nginx/modules/ngx_http_js_module.so"
GATE = """\
  js_path {dir};
  js_import gate from gate.js;
  js_set $may gate.may;
"""
CHECK = """\
      if ($may != "yes") { return 403; }
"""
SCRIPT = """\
import crypto from 'crypto';

const secret = Buffer.from('SECRET', 'base64url');

function opened(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  const signed = crypto.createHmac('sha256', secret).update(parts[0] + '.' + parts[1]).digest('base64url');
  if (signed !== parts[2]) return null;
  if (JSON.parse(Buffer.from(parts[0], 'base64url').toString()).alg !== 'HS256') return null;
  return JSON.parse(Buffer.from(parts[1], 'base64url').toString());
}

function may(r) {
  const token = r.args.authorization;
  if (!token) return 'no';
  try {
    const claims = opened(token);
    if (!claims || claims.iss !== 'https://app.example.com' || claims.aud !== 'files') return 'no';
    if (!(claims.exp > Date.now() / 1000)) return 'no';
    const workspace = r.uri.split('/')[1];
    return claims.members && claims.members[workspace] ? 'yes' : 'no';
  } catch (error) {
    r.log(`a token that cannot be read: ${error}`);
    return 'no';
  }
}

export default { may };
"""


class NginxNjs(Nginx):
    name = "nginx-njs"
    title = "nginx + njs JWT"
    token_in = "authorization"
    binds_path = True
    for_callgrind = False

    def parts(self, directory):
        (directory / "gate.js").write_text(SCRIPT.replace("SECRET", b64(self.lab.key.private)))
        return {"modules": f"load_module {MODULE};\n", "gate": GATE.format(dir=directory), "check": CHECK}
