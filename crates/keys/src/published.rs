//! The current key sets of all issuers, replaced as a whole and read without a lock.

use std::sync::Arc;

use arc_swap::ArcSwap;
use authorizer::{Key, KeySet, KeySets, Material};
use secrecy::ExposeSecret;

/// The key sets at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub sets: KeySets,
    /// Grows when a set really changed, and only then: what was verified under another generation is to be forgotten.
    pub generation: u64,
}

#[derive(Debug)]
pub struct Published(ArcSwap<Snapshot>);

impl Published {
    pub fn new(sets: Vec<KeySet>) -> Self {
        let sets = KeySets(sets.into_iter().map(Arc::new).collect());
        Self(ArcSwap::from_pointee(Snapshot { sets, generation: 1 }))
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    pub fn generation(&self) -> u64 {
        self.0.load().generation
    }

    /// Puts in an issuer's new set, unless it holds the same keys.
    pub fn replace(&self, issuer: usize, set: KeySet) {
        let set = Arc::new(set);
        self.0.rcu(|old| match old.sets.0.get(issuer) {
            Some(known) if !same_keys(known, &set) => {
                let mut sets = old.sets.0.clone();
                if let Some(place) = sets.get_mut(issuer) {
                    *place = Arc::clone(&set);
                }
                Arc::new(Snapshot { sets: KeySets(sets), generation: old.generation + 1 })
            }
            _ => Arc::clone(old),
        });
    }
}

/// Whether both sets hold the same keys; some providers list theirs in another order every time.
fn same_keys(a: &KeySet, b: &KeySet) -> bool {
    a.keys().len() == b.keys().len() && a.keys().iter().all(|key| b.keys().iter().any(|other| same_key(key, other)))
}

fn same_key(a: &Key, b: &Key) -> bool {
    a.id() == b.id()
        && match (a.material(), b.material()) {
            (Material::Secret(a), Material::Secret(b)) => a.expose_secret() == b.expose_secret(),
            (Material::Rsa { modulus, exponent }, Material::Rsa { modulus: n, exponent: e }) => {
                modulus == n && exponent == e
            }
            (Material::Ec { curve, point }, Material::Ec { curve: c, point: p }) => (curve, point) == (c, p),
            (Material::Ed25519(a), Material::Ed25519(b)) => a == b,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authorizer::Algorithm;

    fn set(keys: &[(&str, u8)]) -> KeySet {
        KeySet::new(
            keys.iter()
                .map(|(id, byte)| {
                    let material = Material::Ed25519([*byte; 32]);
                    Key::new(Some((*id).to_owned()), Algorithm::EdDsa, material).unwrap()
                })
                .collect(),
        )
    }

    #[test]
    fn the_generation_grows_when_keys_change() {
        let published = Published::new(vec![KeySet::default(), KeySet::default()]);
        let mut last = published.generation();
        for (keys, changes) in [
            (vec![("a", 1)], true),
            (vec![("a", 1)], false),
            (vec![("a", 1), ("b", 2)], true),
            (vec![("b", 2), ("a", 1)], false),
            (vec![("b", 3), ("a", 1)], true),
            (vec![("c", 3), ("a", 1)], true),
            (vec![("c", 3)], true),
        ] {
            published.replace(1, set(&keys));
            assert_eq!(published.generation() != last, changes, "{keys:?}");
            last = published.generation();
        }
        let snapshot = published.snapshot();
        assert_eq!((snapshot.sets.0[0].keys().len(), snapshot.sets.0[1].keys().len()), (0, 1));
        published.replace(7, set(&[("a", 1)]));
        assert_eq!(published.generation(), last);
    }
}
