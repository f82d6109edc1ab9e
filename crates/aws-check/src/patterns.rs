//! Text that is not wholly known: `arn:aws:cloudfront::${AWS::AccountId}:distribution/${Distribution}`.

/// What the whole pattern refers to: a name, and an attribute where one is asked.
pub fn reference(pattern: &str) -> Option<(&str, Option<&str>)> {
    let name = pattern.strip_prefix("${")?.strip_suffix('}')?;
    if name.contains(['$', '{', '}']) || name.starts_with("Fn::") {
        return None;
    }
    Some(name.split_once('.').map_or((name, None), |(id, attribute)| (id, Some(attribute))))
}

/// Every name that stands anywhere in the pattern, as in [`reference`].
pub fn references(pattern: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    pattern.split("${").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let name = name.rsplit(' ').next()?;
        Some(name.split_once('.').map_or((name, None), |(id, attribute)| (id, Some(attribute))))
    })
}

/// The parts of an ARN; colons in names of what is unknown do not part.
pub fn arn_parts(pattern: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = pattern.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ':' && depth == 0
    });
    parts.collect()
}

/// IAM's `*` and `?`, without regard to case, as actions are compared.
pub fn fits(wild: &str, text: &str) -> bool {
    let (wild, text) = (wild.to_ascii_lowercase(), text.to_ascii_lowercase());
    let (wild, text): (Vec<char>, Vec<char>) = (wild.chars().collect(), text.chars().collect());
    glob(&wild, &text)
}

/// `*` is any run of signs, none too; `?` is one.
pub fn glob<T: Copy + PartialEq + From<u8>>(wild: &[T], text: &[T]) -> bool {
    let (any, one) = (T::from(b'*'), T::from(b'?'));
    // What stands after the last star, and how much the star has swallowed.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < text.len() {
        match (wild.get(at), text.get(read)) {
            (Some(sign), _) if *sign == any => {
                star = Some((at + 1, read));
                at += 1;
            }
            (Some(sign), Some(given)) if *sign == one || sign == given => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((after, swallowed)) => {
                    star = Some((after, swallowed + 1));
                    (at, read) = (after, swallowed + 1);
                }
                None => return false,
            },
        }
    }
    wild.iter().skip(at).all(|sign| *sign == any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_whole_and_inside() {
        assert_eq!(reference("${A}"), Some(("A", None)));
        assert_eq!(reference("${A.B.C}"), Some(("A", Some("B.C"))));
        assert_eq!(reference("${A}-${B}"), None);
        assert_eq!(reference("x${A}"), None);
        let found: Vec<_> = references("${Fn::Select 2 ${Fn::Split / ${Url.FunctionUrl}}}/${A}").collect();
        assert!(found.contains(&("Url", Some("FunctionUrl"))) && found.contains(&("A", None)));
    }

    #[test]
    fn arns_part_outside_of_names() {
        assert_eq!(
            arn_parts("arn:aws:lambda:${AWS::Region}:1:function:f:3"),
            ["arn", "aws", "lambda", "${AWS::Region}", "1", "function", "f", "3"]
        );
    }

    #[test]
    fn wild_signs_fit() {
        for (wild, text, expected) in [
            ("s3:*", "s3:GetObject", true),
            ("s3:get*", "s3:GetObject", true),
            ("s3:*Object", "s3:GetObject", true),
            ("s3:*Object", "s3:GetObjectAcl", false),
            ("s3:Get?bject", "s3:GetObject", true),
            ("*", "", true),
            ("**a", "ba", true),
            ("a", "ab", false),
            ("ab", "a", false),
        ] {
            assert_eq!(fits(wild, text), expected, "{wild} {text}");
        }
    }
}
