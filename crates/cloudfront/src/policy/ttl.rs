//! How long an object stays in the cache: its own `Cache-Control` between the policy's bounds.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html (the table under "Specify how long").

use cache::{Storing, storing};

use crate::policy::CachePolicy;

/// What the cache is told in place of the object's own words: seconds, or not to keep it.
pub fn lifetime(policy: &CachePolicy, cache_control: Option<&str>) -> Storing {
    if policy.max == 0 {
        return Storing::Pass;
    }
    let refused = cache_control.unwrap_or_default().split(',').any(|directive| {
        let name = directive.split('=').next().unwrap_or_default().trim();
        ["no-cache", "no-store", "private"].iter().any(|word| name.eq_ignore_ascii_case(word))
    });
    if refused {
        return if policy.min == 0 { Storing::Pass } else { Storing::Keep { seconds: policy.min } };
    }
    match storing(cache_control, policy.default) {
        Storing::Keep { seconds } => Storing::Keep { seconds: seconds.min(policy.max).max(policy.min) },
        Storing::Pass => Storing::Pass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Selection;

    #[test]
    fn table() {
        let keep = |seconds| Storing::Keep { seconds };
        for (min, default, max, cache_control, expected) in [
            (0, 300, 3600, None, keep(300)),
            (0, 300, 3600, Some("max-age=60"), keep(60)),
            (0, 300, 3600, Some("max-age=7200"), keep(3600)),
            (0, 300, 3600, Some("max-age=60, s-maxage=10"), keep(10)),
            (0, 300, 3600, Some("no-cache"), Storing::Pass),
            (0, 300, 3600, Some("Private, max-age=60"), Storing::Pass),
            (30, 300, 3600, None, keep(300)),
            (30, 300, 3600, Some("max-age=1"), keep(30)),
            (30, 300, 3600, Some("no-store"), keep(30)),
            (0, 0, 3600, None, keep(0)),
            (0, 0, 0, Some("max-age=60"), Storing::Pass),
        ] {
            let none = || Selection::None;
            let policy = CachePolicy { min, default, max, headers: none(), cookies: none(), queries: none() };
            assert_eq!(lifetime(&policy, cache_control), expected, "{min} {default} {max} {cache_control:?}");
        }
    }
}
