//! Uploads in parts: lists of parts, what Uppy asks to have signed, ids that have left us.

use std::sync::LazyLock;

use authorizer::Upload;
use uploads::{
    Begun, Cutter, MAX_BATCH, MAX_PARTS, Named, Owner, Seals, Signable, Ticket, TypeSaid, Wanted, Wish, parts_of_json,
    parts_of_xml,
};

use crate::endpoints::{TOKEN, WORKSPACE, host, question, request};
use crate::site::{NOW, SITE_READY};

/// A list of parts, as Companion or as S3 writes it.
pub fn completion(body: &[u8]) {
    if let Ok(parts) = parts_of_json(body) {
        in_order(&parts);
    }
    let Ok(parts) = parts_of_xml(body) else { return };
    in_order(&parts);
    let text = |part: &Named| {
        let etag = part.etag.replace('&', "&amp;").replace('<', "&lt;").replace('\r', "&#13;").replace(']', "&#93;");
        format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>", part.number)
    };
    let again: String = parts.iter().map(text).collect();
    let again = format!("<CompleteMultipartUpload>{again}</CompleteMultipartUpload>");
    assert_eq!(parts_of_xml(again.as_bytes()).expect("what was read is read again"), parts);
}

fn in_order(parts: &[Named]) {
    assert!(!parts.is_empty() && parts.len() <= MAX_PARTS as usize);
    assert!(parts.windows(2).all(|pair| pair[0].number < pair[1].number));
}

/// A body of Companion's, a query of Companion's, a body of `signRequest`.
pub fn wish(said: &[u8]) {
    let front = &SITE_READY.front;
    let mut wishes: Vec<Wish> = Wish::of_json(said).into_iter().collect();
    wishes.extend(std::str::from_utf8(said).ok().and_then(|query| Wish::of_query(query).ok()));
    if let Ok((requests, _)) = Signable::of_json(said) {
        assert!((1..=MAX_BATCH).contains(&requests.len()));
        wishes.extend(requests.into_iter().filter_map(|request| match request {
            Signable::Object(wish) | Signable::Begin(wish) => Some(wish),
            _ => None,
        }));
    }
    for wish in wishes {
        let Ok(request) = wish.request(&front.rules) else { continue };
        let Ok(plan) = uploads::plan(&front.rules, request, || [0xa5; 16]) else { continue };
        let tokens = [TOKEN.as_str()];
        let path = plan.path().clone();
        if let Ok(allowed) = front.rules.allow::<Upload>(question(&path, &tokens), &mut host()) {
            assert!(allowed.key().contains(WORKSPACE) || !path.as_str().contains(WORKSPACE), "{path:?}");
        }
    }
}

static SEALS: LazyLock<Seals> = LazyLock::new(|| Seals::new(&[7; 32]));

/// An upload that was begun by the bearer of [`TOKEN`].
static BEGUN: LazyLock<Begun> = LazyLock::new(|| {
    let front = &SITE_READY.front;
    let text = format!(
        r#"{{"route":"files","params":{{"workspace":"{WORKSPACE}"}},"filename":"é.png","type":"image/png","size":3,"mode":"multipart"}}"#
    );
    let wanted = uploads::Request::parse(text.as_bytes()).expect("a request");
    let plan = uploads::plan(&front.rules, wanted, || [0xa5; 16]).expect("a plan");
    let tokens = [TOKEN.as_str()];
    let allowed = front.rules.allow::<Upload>(question(plan.path(), &tokens), &mut host()).expect("leave");
    let parts = request();
    let bearer = front.bearer(&parts, NOW, &mut host()).unwrap_or_else(|_| panic!("the bearer is good"));
    let owner = Owner::of(&bearer.verified, &TOKEN);
    let bucket = uploads::Bucket::new("files", "us-east-1", "https://s3.example", true).expect("a bucket");
    let wanted: Wanted =
        uploads::wanted(&allowed, &plan, &front.rules, &bucket, owner, Cutter::Ours, TypeSaid::Now).expect("wanted");
    Begun { store_id: "2~a".to_owned(), mark: "0".repeat(32), at: NOW.0, expires: NOW.0 + 60, wanted }
});

/// Any text as an id; and our own ids with the changes that the input says: a byte for the place, one for what is put there.
pub fn seal(input: &[u8]) {
    let ticket = Ticket::Complete(BEGUN.clone());
    let (id, ticketed) = (SEALS.seal(&BEGUN).expect("an id"), SEALS.ticket(&ticket, NOW).expect("a ticket"));
    assert!(SEALS.open(&ticketed, NOW).is_err() && SEALS.open_ticket(&id, NOW).is_err(), "one is not the other");
    for sealed in [id, ticketed] {
        let mut changed = sealed.clone().into_bytes();
        for pair in input.chunks_exact(2) {
            let place = usize::from(pair[0]) * changed.len() / 256;
            changed[place] = pair[1];
        }
        changed.truncate(changed.len() - usize::from(input.len() % 2 == 1));
        let Ok(text) = String::from_utf8(changed) else { continue };
        let opened = (SEALS.open(&text, NOW), SEALS.open_ticket(&text, NOW));
        if text == sealed {
            assert!(opened.0 == Ok(BEGUN.clone()) || opened.1 == Ok(ticket.clone()));
        } else {
            assert!(opened.0.is_err() && opened.1.is_err(), "opened though changed");
        }
    }
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(SEALS.open(text, NOW).is_err() && SEALS.open_ticket(text, NOW).is_err());
    }
}
