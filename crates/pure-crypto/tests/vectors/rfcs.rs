//! The examples of RFC 7515, RFC 7519, RFC 7520 and RFC 8037.

use authorizer::{Algorithm, Denied, JwkFault, Key, KeySet, Malformed, Material, Signatures, baked_key_set};
use serde_json::{Value, json};

use crate::both::{Both, ask, decode, public_key, secret_key, split, try_public_key};

/// RFC 7515 appendix A.1.1, RFC 7519 section 3.1.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A2_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 7520 section 4: every payload is this text, which is no JSON.
const FRODO: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
const BILBO_MODULUS: &str = "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw";
const RS256_HEADER: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
const RS256_SIGNATURE: &str = "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
const PS384_HEADER: &str = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
const PS384_SIGNATURE: &str = "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
const ES512_HEADER: &str = "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
const ES512_SIGNATURE: &str = "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2";
const HS256_HEADER: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
const HS256_SIGNATURE: &str = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";

fn bilbo(kty: &str) -> Value {
    match kty {
        "RSA" => {
            json!({ "kty": "RSA", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "n": BILBO_MODULUS, "e": "AQAB" })
        }
        _ => json!({
            "kty": "EC",
            "kid": "bilbo.baggins@hobbiton.example",
            "use": "sig",
            "crv": "P-521",
            "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
            "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
        }),
    }
}

/// The signature as it is, and no other: neither over another text nor with a bit turned.
fn verifies(keys: &KeySet, token: &str) {
    let (message, signature) = split(token);
    let key: &Key = &keys.keys()[0];
    assert!(Both.verify(key, message.as_bytes(), &signature), "{token}");
    assert!(!Both.verify(key, format!("{message}A").as_bytes(), &signature));
    for byte in [0, signature.len() / 2, signature.len() - 1] {
        let mut other = signature.clone();
        other[byte] ^= 1;
        assert!(!Both.verify(key, message.as_bytes(), &other));
    }
}

#[test]
fn rfc_7515_appendix_a() {
    let hs256 = || secret_key(&decode(A1_SECRET), Algorithm::Hs256);
    let rs256 = || public_key(&json!({ "kty": "RSA", "n": A2_MODULUS, "e": "AQAB" }), Algorithm::Rs256);
    let es256 = || {
        let jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        public_key(&jwk, Algorithm::Es256)
    };
    let a1 = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let a2 = format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{A2_SIGNATURE}");
    let a3 = format!(
        "eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    for (token, algorithm, keys) in [
        (&a1, Algorithm::Hs256, &hs256 as &dyn Fn() -> KeySet),
        (&a2, Algorithm::Rs256, &rs256),
        (&a3, Algorithm::Es256, &es256),
    ] {
        verifies(&keys(), token);
        let verified = ask(token, "joe", &[algorithm], keys()).unwrap();
        assert_eq!(verified.claims().expires, Some(1_300_819_380));
        assert!(matches!(ask(token, "jane", &[algorithm], keys()), Err(Denied::UnknownIssuer)));
    }

    // A.4: its payload is no JSON, so that it is a JWS and no token.
    let jwk = json!({
        "kty": "EC", "crv": "P-521",
        "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
    });
    let a4 = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    verifies(&public_key(&jwk, Algorithm::Es512), a4);
    not_a_token(a4, &[Algorithm::Es512], public_key(&jwk, Algorithm::Es512));
}

fn not_a_token(jws: &str, algorithms: &[Algorithm], keys: KeySet) {
    let denied = ask(jws, "joe", algorithms, keys).unwrap_err();
    assert_eq!(denied, Denied::Malformed(Malformed::ClaimsJson));
}

/// RFC 7515 appendix A.5 and RFC 7519 section 6.1.
#[test]
fn unsecured_tokens_are_refused() {
    let token = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    let denied = ask(&token, "joe", &Algorithm::ALL, secret_key(&decode(A1_SECRET), Algorithm::Hs256)).unwrap_err();
    assert_eq!(denied, Denied::Malformed(Malformed::Algorithm));
}

#[test]
fn rfc_7520_section_4() {
    for (header, signature, algorithm, jwk) in [
        (RS256_HEADER, RS256_SIGNATURE, Algorithm::Rs256, bilbo("RSA")),
        (PS384_HEADER, PS384_SIGNATURE, Algorithm::Ps384, bilbo("RSA")),
        (ES512_HEADER, ES512_SIGNATURE, Algorithm::Es512, bilbo("EC")),
    ] {
        let jws = format!("{header}.{FRODO}.{signature}");
        verifies(&public_key(&jwk, algorithm), &jws);
        not_a_token(&jws, &[algorithm], public_key(&jwk, algorithm));
    }
    let keys = baked_key_set(&[secret()], &[Algorithm::Hs256]).unwrap();
    verifies(&keys, &format!("{HS256_HEADER}.{FRODO}.{HS256_SIGNATURE}"));
}

/// RFC 7520 section 3.5.
fn secret() -> Value {
    json!({
        "kty": "oct", "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037", "use": "sig", "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    })
}

#[test]
fn rfc_7520_section_3() {
    for (jwk, algorithm) in [(bilbo("EC"), Algorithm::Es512), (bilbo("RSA"), Algorithm::Rs256)] {
        let set = public_key(&jwk, algorithm);
        let key = &set.keys()[0];
        assert_eq!((key.id(), key.algorithm()), (Some("bilbo.baggins@hobbiton.example"), algorithm));
        match key.material() {
            Material::Rsa { modulus, exponent } => {
                assert_eq!((modulus.len(), exponent.as_slice()), (256, &[1, 0, 1][..]));
            }
            Material::Ec { point, .. } => assert_eq!(point.len(), 133),
            other => panic!("{other:?}"),
        }
        // 3.2 and 3.4: private keys do not belong in a published set.
        let mut private = jwk.clone();
        private["d"] =
            "AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt".into();
        assert_eq!(try_public_key(&private, algorithm).unwrap_err(), JwkFault::Private { key: 0 });
    }
    // 3.5 and 3.6: nor do secrets, whatever they are for.
    assert_eq!(try_public_key(&secret(), Algorithm::Es256).unwrap_err(), JwkFault::Symmetric { key: 0 });
    let mut encryption = secret();
    encryption["use"] = "enc".into();
    assert_eq!(try_public_key(&encryption, Algorithm::Es256).unwrap_err(), JwkFault::Symmetric { key: 0 });
}

/// RFC 8037 appendices A.2, A.4 and A.5.
#[test]
fn rfc_8037_appendix_a() {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    verifies(&public_key(&jwk, Algorithm::EdDsa), jws);
    not_a_token(jws, &[Algorithm::EdDsa], public_key(&jwk, Algorithm::EdDsa));
    let mut private = jwk;
    private["d"] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A".into();
    assert_eq!(try_public_key(&private, Algorithm::EdDsa).unwrap_err(), JwkFault::Private { key: 0 });
}
