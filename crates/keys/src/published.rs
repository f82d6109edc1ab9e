//! The current key sets of all issuers, replaced as a whole and read without a lock.

use std::sync::Arc;

use arc_swap::ArcSwap;
use authorizer::{Key, KeySet, KeySets, Material};
use secrecy::ExposeSecret;

/// The key sets at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub sets: KeySets,
    /// One for each issuer. It grows when that set really changed, and only then: what was verified under another generation
    /// of its issuer's is to be forgotten.
    pub generations: Vec<u64>,
}

impl Snapshot {
    pub fn generation(&self, issuer: usize) -> u64 {
        self.generations.get(issuer).copied().unwrap_or_default()
    }
}

#[derive(Debug)]
pub struct Published(ArcSwap<Snapshot>);

impl Published {
    pub fn new(sets: Vec<KeySet>) -> Self {
        let generations = vec![1; sets.len()];
        let sets = KeySets(sets.into_iter().map(Arc::new).collect());
        Self(ArcSwap::from_pointee(Snapshot { sets, generations }))
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    pub fn generation(&self, issuer: usize) -> u64 {
        self.0.load().generation(issuer)
    }

    /// Puts in an issuer's new set, unless it holds the same keys. Whether it did.
    pub fn replace(&self, issuer: usize, set: &Arc<KeySet>) -> bool {
        let old = self.0.rcu(|old| {
            if !differs(old, issuer, set) {
                return Arc::clone(old);
            }
            let (mut sets, mut generations) = (old.sets.0.clone(), old.generations.clone());
            if let (Some(known), Some(generation)) = (sets.get_mut(issuer), generations.get_mut(issuer)) {
                *known = Arc::clone(set);
                *generation += 1;
            }
            Arc::new(Snapshot { sets: KeySets(sets), generations })
        });
        differs(&old, issuer, set)
    }
}

fn differs(old: &Snapshot, issuer: usize, set: &KeySet) -> bool {
    old.sets.0.get(issuer).is_some_and(|known| !same_keys(known, set))
}

/// Whether both sets hold the same keys; some providers list theirs in another order every time.
fn same_keys(a: &KeySet, b: &KeySet) -> bool {
    a.keys().len() == b.keys().len() && a.keys().iter().all(|key| b.keys().iter().any(|other| same_key(key, other)))
}

fn same_key(a: &Key, b: &Key) -> bool {
    a.id() == b.id()
        && a.algorithm() == b.algorithm()
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
    fn an_issuers_generation_grows_when_its_keys_change() {
        let published = Published::new(vec![KeySet::default(), KeySet::default()]);
        let mut last = published.generation(1);
        for (keys, changes) in [
            (vec![("a", 1)], true),
            (vec![("a", 1)], false),
            (vec![("a", 1), ("b", 2)], true),
            (vec![("b", 2), ("a", 1)], false),
            (vec![("b", 3), ("a", 1)], true),
            (vec![("c", 3), ("a", 1)], true),
            (vec![("c", 3)], true),
        ] {
            assert_eq!(published.replace(1, &Arc::new(set(&keys))), changes, "{keys:?}");
            assert_eq!(published.generation(1) != last, changes, "{keys:?}");
            last = published.generation(1);
        }
        let snapshot = published.snapshot();
        assert_eq!((snapshot.sets.0[0].keys().len(), snapshot.sets.0[1].keys().len()), (0, 1));
        assert_eq!((published.generation(0), snapshot.generation(1)), (1, last), "the other issuer's stays");
        assert!(!published.replace(7, &Arc::new(set(&[("a", 1)]))));
        assert_eq!((published.generation(1), published.generation(7)), (last, 0));
    }

    #[test]
    fn the_same_numbers_for_another_algorithm_are_another_key() {
        let with = |algorithm| {
            let material = Material::Rsa { modulus: vec![0x81; 256], exponent: vec![1, 0, 1] };
            Arc::new(KeySet::new(vec![Key::new(Some("a".to_owned()), algorithm, material).unwrap()]))
        };
        let published = Published::new(vec![KeySet::default()]);
        assert!(published.replace(0, &with(Algorithm::Rs256)));
        assert!(!published.replace(0, &with(Algorithm::Rs256)));
        assert!(published.replace(0, &with(Algorithm::Ps256)));
        assert_eq!(published.snapshot().sets.0[0].keys()[0].algorithm(), Algorithm::Ps256);
    }
}
