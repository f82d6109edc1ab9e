//! Where the bytes would go: the route is chosen, its placeholders are filled, the object's path is known. Whether the
//! bearer may upload there is for [`authorizer::Rules::allow`].

use std::fmt::Write;

use authorizer::{Fill, ObjectPath, RouteId, RouteInfo, Rules, UploadRules};

use crate::filename::safe_segment;
use crate::refused::{BadRequest, Refused};
use crate::request::{Request, shown};

/// A request whose path is known. Nothing of it is allowed yet.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) route: RouteId,
    pub(crate) path: ObjectPath,
    pub(crate) request: Request,
}

impl Plan {
    pub fn route(&self) -> RouteId {
        self.route
    }

    pub fn path(&self) -> &ObjectPath {
        &self.path
    }

    pub fn request(&self) -> &Request {
        &self.request
    }
}

/// Fills the path of the request's route. `random` gives 16 fresh random bytes for each `{uuid}`.
pub fn plan(rules: &Rules, request: Request, mut random: impl FnMut() -> [u8; 16]) -> Result<Plan, Refused> {
    let (route, info, upload) = choose(rules, &request)?;
    let texts: Vec<String> = info
        .placeholders
        .iter()
        .zip(&upload.fill)
        .map(|(name, fill)| match fill {
            Fill::Uuid => uuid(random()),
            Fill::Filename => safe_segment(&request.filename),
            Fill::Text(text) => text.clone(),
            Fill::Param => param(&request, name).unwrap_or_default().to_owned(),
        })
        .collect();
    let path = rules.compose(route, &texts).map_err(Refused::Path)?;
    Ok(Plan { route, path, request })
}

type Chosen<'a> = (RouteId, RouteInfo<'a>, &'a UploadRules);

/// The route that is named, or the only one that takes uploads and these `params`.
fn choose<'a>(rules: &'a Rules, request: &Request) -> Result<Chosen<'a>, Refused> {
    let takers: Vec<Chosen<'_>> =
        rules.routes().filter_map(|(id, info)| info.upload.map(|upload| (id, info, upload))).collect();
    if let Some(name) = &request.route {
        let named = takers.into_iter().find(|(_, info, _)| info.name == name);
        let chosen = named.ok_or_else(|| BadRequest::new("route", "names no route that takes uploads"))?;
        check_params(rules, chosen, request)?;
        return Ok(chosen);
    }
    if let [only] = takers.as_slice() {
        check_params(rules, *only, request)?;
        return Ok(*only);
    }
    if takers.is_empty() {
        return Err(Refused::NoUploads);
    }
    let fitting: Vec<_> = takers.into_iter().filter(|chosen| check_params(rules, *chosen, request).is_ok()).collect();
    match fitting.as_slice() {
        [only] => Ok(*only),
        [] => Err(BadRequest::new("params", "fits no route that takes uploads").into()),
        several => {
            let names: Vec<_> = several.iter().map(|(_, info, _)| format!("`{}`", info.name)).collect();
            Err(BadRequest::new("route", format!("is needed: the params fit {}", names.join(" and "))).into())
        }
    }
}

/// `params` holds exactly the placeholders that nothing else fills, each with a text that its type takes.
fn check_params(rules: &Rules, (route, info, upload): Chosen<'_>, request: &Request) -> Result<(), BadRequest> {
    let wanted = |name: &str| {
        info.placeholders.iter().zip(&upload.fill).any(|(known, fill)| known == name && *fill == Fill::Param)
    };
    if let Some((name, _)) = request.params.iter().find(|(name, _)| !wanted(name)) {
        return Err(BadRequest::new(format!("params.{}", shown(name)), "is not for the client to fill"));
    }
    for (placeholder, name) in info.placeholders.iter().enumerate().filter(|(_, name)| wanted(name)) {
        match param(request, name) {
            None => return Err(BadRequest::new(format!("params.{name}"), "is missing")),
            Some(text) if !rules.takes(route, placeholder, text) => {
                return Err(BadRequest::new(format!("params.{name}"), "does not fit the route's path"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn param<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.params.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
}

/// A UUID of version 4 (RFC 9562 section 5.4) from 122 of these bits.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::tests::rules;

    fn plan_of(json: &str) -> Result<Plan, Refused> {
        plan(&rules(), Request::parse(json.as_bytes()).unwrap(), || [0xff; 16])
    }

    fn fault_of(json: &str) -> (String, String) {
        match plan_of(json) {
            Err(Refused::BadRequest(fault)) => (fault.member, fault.problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn uuid_version_and_variant() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            uuid(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"),
            "00010203-0405-4607-8809-0a0b0c0d0e0f"
        );
    }

    #[test]
    fn fills_placeholders() {
        let planned = plan_of(
            r#"{"params":{"workspace":"9f0c2d9e-1111-4222-8333-abcdefabcdef"},"filename":"a/é.png","type":"image/png"}"#,
        )
        .unwrap();
        assert_eq!(
            planned.path().as_str(),
            "/9f0c2d9e-1111-4222-8333-abcdefabcdef/ffffffff-ffff-4fff-bfff-ffffffffffff/a_é.png"
        );
        let named =
            plan_of(r#"{"route":"media","params":{"id":"7","rest":"x/y z"},"filename":"a","type":"a/b"}"#).unwrap();
        assert_eq!(named.path().as_str(), "/media/7/in/x/y z");
        assert_eq!(rules().route(named.route()).unwrap().name, "media");
    }

    #[test]
    fn chooses_by_params_or_asks() {
        let chosen = plan_of(r#"{"params":{"id":"7","rest":"x"},"filename":"a","type":"a/b"}"#);
        assert_eq!(
            fault_of(r#"{"params":{"id":"7","rest":"x"},"filename":"a","type":"a/b"}"#).0,
            "route",
            "{chosen:?}"
        );
        assert!(
            fault_of(r#"{"params":{"id":"7","rest":"x"},"filename":"a","type":"a/b"}"#)
                .1
                .contains("`media` and `more`")
        );
        assert_eq!(fault_of(r#"{"params":{"id":"07","rest":"x"},"filename":"a","type":"a/b"}"#).0, "params");
        assert_eq!(fault_of(r#"{"params":{},"filename":"a","type":"a/b"}"#).0, "params");
        assert_eq!(fault_of(r#"{"route":"x","params":{},"filename":"a","type":"a/b"}"#).0, "route");
        assert_eq!(fault_of(r#"{"route":"media","params":{"id":"7"},"filename":"a","type":"a/b"}"#).0, "params.rest");
        assert_eq!(
            fault_of(r#"{"route":"media","params":{"id":"x","rest":"a"},"filename":"a","type":"a/b"}"#),
            ("params.id".to_owned(), "does not fit the route's path".to_owned())
        );
        let extra = r#"{"route":"files","params":{"workspace":"9f0c2d9e-1111-4222-8333-abcdefabcdef","file":"x"},"filename":"a","type":"a/b"}"#;
        assert_eq!(fault_of(extra).0, "params.file");
    }

    #[test]
    fn no_path_beside_the_route() {
        for (rest, code) in [
            ("../../x", "path_dot_segment"),
            ("a//b", "path_empty_segment"),
            ("/a", "path_empty_segment"),
            ("a/", "path_empty_segment"),
            ("a\\\\b", "path_backslash"),
        ] {
            let json =
                format!(r#"{{"route":"media","params":{{"id":"7","rest":"{rest}"}},"filename":"a","type":"a/b"}}"#);
            let refused = plan_of(&json).unwrap_err();
            assert_eq!((refused.code(), refused.status()), (code, 400), "{rest}");
        }
        let long = format!(
            r#"{{"route":"media","params":{{"id":"7","rest":"{}"}},"filename":"a","type":"a/b"}}"#,
            "x".repeat(1020)
        );
        assert_eq!(plan_of(&long).unwrap_err().code(), "path_too_long");
        let slash = r#"{"route":"files","params":{"workspace":"a/b"},"filename":"a","type":"a/b"}"#;
        assert_eq!(fault_of(slash).0, "params.workspace");
    }
}
