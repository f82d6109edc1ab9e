//! What shared caches may keep: what anyone may read, anywhere and at any time.

use authorizer::{Action, AllowSettings, Circumstances, Read, Rules, UnixTime, Who};
use serde_json::json;

use crate::site::{Host, NOW, issuer, path, question, read, route, token};

#[test]
fn public_is_for_anyone_at_any_time() {
    let anyone = AllowSettings::new(Action::Read, Who::Anyone);
    let until = Some(UnixTime(NOW.0 + 1));
    let fair = AllowSettings { circumstances: Circumstances { until, ..Circumstances::default() }, ..anyone.clone() };
    let routes = [
        route("always", "/always/{name}", vec![anyone]),
        route("fair", "/fair/{name}", vec![fair]),
        route("members", "/members/{name}", vec![read(&[])]),
    ];
    let rules = Rules::build(vec![issuer("app")], &routes).unwrap();
    let token = token("app", &json!({}));
    for (target, public, bearer) in [("/always/a", true, false), ("/fair/a", false, false), ("/members/a", false, true)]
    {
        let path = path(target);
        let allowed = rules.allow::<Read>(question(&path, &[&token]), &mut Host::new(&rules)).unwrap();
        assert_eq!((allowed.is_public(), allowed.bearer().is_some()), (public, bearer), "{target}");
    }
}
