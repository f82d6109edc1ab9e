//! RSA keys whose length is no multiple of eight, unusual exponents, and signatures with one fault each: `rsa_sizes.py` made them.

use authorizer::{Algorithm, JwkFault, KeyFault, Signatures};
use serde_json::Value;

use crate::both::{Both, decode, rsa_key, try_rsa_key};

#[test]
fn unusual_keys_and_single_faults() {
    let file: Value = serde_json::from_str(include_str!("rsa_sizes.json")).unwrap();
    let message = file["message"].as_str().unwrap().as_bytes();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (mut right, mut wrong, mut odd) = (0, 0, 0);
    for key in file["keys"].as_array().unwrap() {
        let (modulus, exponent) = (decode(&text(&key["n"])), decode(&text(&key["e"])));
        let bits = usize::try_from(key["bits"].as_u64().unwrap()).unwrap();
        if bits % 8 != 0 {
            for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
                let fault = JwkFault::Key { key: 0, fault: KeyFault::RsaSize { bits } };
                assert_eq!(try_rsa_key(&modulus, &exponent, algorithm).unwrap_err(), fault);
            }
            odd += 1;
        }
        for row in key["signatures"].as_array().unwrap() {
            let (algorithm, what) = (Algorithm::parse(&text(&row[0])).unwrap(), text(&row[1]));
            let keys = rsa_key(&modulus, &exponent, algorithm);
            let accepted = Both.verify(&keys.keys()[0], message, &decode(&text(&row[3])));
            assert_eq!(Some(accepted), row[2].as_bool(), "{bits} bits, {algorithm}: {what}");
            *if accepted { &mut right } else { &mut wrong } += 1;
        }
    }
    println!("RSA of unusual sizes: {right} accepted, {wrong} refused, {odd} keys refused");
    // Three for each of the five keys, and one with a leading zero for all but the largest.
    assert_eq!((right, odd), (19, 4));
    assert!(wrong > 100);
}
