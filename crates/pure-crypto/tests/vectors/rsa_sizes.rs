//! RSA keys whose length is no multiple of eight, unusual exponents, and signatures with one fault each: `rsa_sizes.py` made them.

use authorizer::{Algorithm, Signatures};
use serde_json::Value;

use crate::both::{Both, decode, rsa_key};

#[test]
fn unusual_keys_and_single_faults() {
    let file: Value = serde_json::from_str(include_str!("rsa_sizes.json")).unwrap();
    let message = file["message"].as_str().unwrap().as_bytes();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (mut right, mut wrong) = (0, 0);
    for key in file["keys"].as_array().unwrap() {
        let (modulus, exponent) = (decode(&text(&key["n"])), decode(&text(&key["e"])));
        for row in key["signatures"].as_array().unwrap() {
            let (algorithm, what) = (Algorithm::parse(&text(&row[0])).unwrap(), text(&row[1]));
            let keys = rsa_key(&modulus, &exponent, algorithm);
            let accepted = Both.verify(&keys.keys()[0], message, &decode(&text(&row[3])));
            assert_eq!(Some(accepted), row[2].as_bool(), "{} bits, {algorithm}: {what}", key["bits"]);
            *if accepted { &mut right } else { &mut wrong } += 1;
        }
    }
    println!("RSA of unusual sizes: {right} accepted, {wrong} refused");
    // Three for each of the nine keys, and one with a leading zero for all but the largest.
    assert_eq!(right, 35);
    assert!(wrong > 180);
}
