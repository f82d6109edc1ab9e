//! Makes the function's code small: comments and white space go, names become short.
//!
//! It reads JavaScript as `viewer-request.js` is written: every statement that is no block ends with a semicolon, names are
//! declared one by one (no destructuring, no defaults), there are no template literals, and no name of a function's own is one
//! of the module's. Names of the module, of each of its functions and of members are exchanged one for one, those of the
//! module for capitals and those of functions for small letters, and no new name is a word of the code. The tests compare the
//! syntax trees.

use std::collections::{BTreeMap, BTreeSet};

/// Kept: CloudFront calls the first, the others are of lines that stay as they are.
const KEPT: [&str; 3] = ["handler", "crypto", "cf"];

/// Names of members that are ours and nobody else's.
const OWN_MEMBERS: [&str; 33] = [
    "apps",
    "policy",
    "header",
    "query",
    "cookie",
    "issuers",
    "buckets",
    "routes",
    "aud",
    "reads",
    "leeway",
    "age",
    "name",
    "segments",
    "rows",
    "key",
    "bucket",
    "any",
    "tests",
    "none",
    "captures",
    "event",
    "fault",
    "objectPath",
    "route",
    "secrets",
    "tokens",
    "parts",
    "claims",
    "audiences",
    "times",
    "number",
    "issuer",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name, a number or a keyword.
    Word(&'a str),
    /// A text or a regular expression.
    Literal(&'a str),
    /// One character of punctuation.
    Mark(char),
    /// White space or a comment, and whether a line ended.
    Gap { line_end: bool },
}

pub fn minify(source: &str) -> String {
    let tokens = tokens(source);
    let solid: Vec<Token<'_>> = tokens.iter().copied().filter(|token| !matches!(token, Token::Gap { .. })).collect();
    let renamed = rename(&solid);
    write(&tokens, &solid, &renamed)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$')
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if first.is_whitespace() => rest.len() - rest.trim_start().len(),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '\'' | '"' => text_length(rest, first),
            '/' if begins_pattern(&tokens) => pattern_length(rest),
            _ if is_word(first) => rest.find(|character| !is_word(character)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let gap = first.is_whitespace() || token.starts_with("//");
        tokens.push(match first {
            _ if gap => Token::Gap { line_end: token.contains('\n') },
            _ if is_word(first) => Token::Word(token),
            _ if length > first.len_utf8() => Token::Literal(token),
            mark => Token::Mark(mark),
        });
        rest = after;
    }
    tokens
}

/// The length of a text with its quotes.
fn text_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = !escaped && *character == quote;
        escaped = !escaped && *character == '\\';
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The length of a regular expression with its slashes and flags.
fn pattern_length(text: &str) -> usize {
    let (mut escaped, mut in_class) = (false, false);
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = !escaped && !in_class && *character == '/';
        if !escaped {
            in_class = (in_class || *character == '[') && *character != ']';
        }
        escaped = !escaped && *character == '\\';
        ends
    });
    let end = end.map_or(text.len(), |(at, _)| at + 1);
    let flags = text.get(end..).unwrap_or_default();
    end + flags.find(|character| !is_word(character)).unwrap_or(flags.len())
}

/// A slash divides behind a value, and begins a regular expression elsewhere.
fn begins_pattern(before: &[Token<'_>]) -> bool {
    match before.iter().rev().find(|token| !matches!(token, Token::Gap { .. })) {
        Some(Token::Word(word)) => *word == "return",
        Some(Token::Literal(_) | Token::Mark(')' | ']')) => false,
        _ => true,
    }
}

/// Whose a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Member,
    /// The module's is 0, its functions' are numbered from 1.
    Scope(usize),
}

/// For each token the name that takes its place, if one does: the most used are the shortest.
fn rename(solid: &[Token<'_>]) -> Vec<Option<String>> {
    let scopes = scopes(solid);
    let declared = declared(solid, &scopes);
    let owners: Vec<Option<(Owner, &str)>> = solid
        .iter()
        .enumerate()
        .map(|(at, token)| {
            let name = word(token)?;
            if is_member(solid, at) {
                return OWN_MEMBERS.contains(&name).then_some((Owner::Member, name));
            }
            let scope = scopes.get(at).copied().unwrap_or_default();
            let owned = |scope| declared.contains(&(scope, name)).then_some((Owner::Scope(scope), name));
            owned(scope).or_else(|| owned(0))
        })
        .collect();
    let mut uses: BTreeMap<(Owner, &str), usize> = BTreeMap::new();
    for owner in owners.iter().flatten().filter(|(_, name)| !KEPT.contains(name)) {
        *uses.entry(*owner).or_default() += 1;
    }
    let mut names: Vec<_> = uses.into_iter().collect();
    names.sort_by_key(|((owner, name), uses)| (*owner, std::cmp::Reverse(*uses), *name));
    let words: BTreeSet<&str> = solid.iter().filter_map(word).collect();
    let mut short = BTreeMap::new();
    for of_owner in names.chunk_by(|((a, _), _), ((b, _), _)| a == b) {
        let capital = of_owner.first().is_some_and(|((owner, _), _)| *owner == Owner::Scope(0));
        let free = short_names(capital).filter(|name| !words.contains(name.as_str()));
        short.extend(of_owner.iter().map(|(key, _)| *key).zip(free));
    }
    owners.iter().map(|owner| owner.and_then(|owner| short.get(&owner).cloned())).collect()
}

fn word<'a>(token: &Token<'a>) -> Option<&'a str> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// For each token the module's function that it stands in, 0 outside of them. A function's name is outside.
fn scopes(solid: &[Token<'_>]) -> Vec<usize> {
    let (mut functions, mut depth, mut inside) = (0, 0_usize, false);
    let scope = |(at, token): (usize, &Token<'_>)| {
        let opens = matches!(token, Token::Mark('{' | '(' | '['));
        let closes = matches!(token, Token::Mark('}' | ')' | ']'));
        if opens && depth == 0 && is_function(solid, at) {
            functions += 1;
            inside = true;
        }
        depth = (depth + usize::from(opens)).saturating_sub(usize::from(closes));
        let here = if inside { functions } else { 0 };
        inside = inside && !(depth == 0 && *token == Token::Mark('}'));
        here
    };
    solid.iter().enumerate().map(scope).collect()
}

/// Whether the parameters of a function with a name begin here.
fn is_function(solid: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(2).and_then(|before| solid.get(before)) == Some(&Token::Word("function"))
}

/// The names of functions, constants, variables and parameters, each with its scope.
fn declared<'a>(solid: &[Token<'a>], scopes: &[usize]) -> BTreeSet<(usize, &'a str)> {
    let mut places: Vec<usize> = Vec::new();
    let is_end = |at: &usize, end| solid.get(*at).is_none_or(|token| *token == Token::Mark(end));
    for (at, token) in solid.iter().enumerate() {
        match token {
            Token::Word("const" | "let" | "import") => places.push(at + 1),
            Token::Word("function" | "catch") => places.extend((at + 1..).take_while(|at| !is_end(at, ')'))),
            Token::Mark('=') if solid.get(at + 1) == Some(&Token::Mark('>')) => {
                let in_parentheses = at.checked_sub(1).is_some_and(|before| is_end(&before, ')'));
                let most = if in_parentheses { usize::MAX } else { 1 };
                places.extend((0..at).rev().take_while(|at| !is_end(at, '(')).take(most));
            }
            _ => {}
        }
    }
    let name = |at: usize| Some((*scopes.get(at)?, solid.get(at).and_then(word)?));
    places.into_iter().filter_map(name).collect()
}

/// Whether the word is a member's name: behind a dot, or a key of an object.
fn is_member(solid: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| solid.get(before));
    let is_key = solid.get(at + 1) == Some(&Token::Mark(':')) && matches!(before, Some(Token::Mark('{' | ',')));
    before == Some(&Token::Mark('.')) || is_key
}

/// One letter, then two, the first of them a capital or none.
fn short_names(capital: bool) -> impl Iterator<Item = String> {
    let firsts = move || if capital { 'A'..='Z' } else { 'a'..='z' };
    let seconds = || ('a'..='z').chain('A'..='Z');
    firsts()
        .map(String::from)
        .chain(firsts().flat_map(move |first| seconds().map(move |second| format!("{first}{second}"))))
}

/// The declarations that join the one in front of them: `const a = 1; const b = 2;` becomes `const a=1,b=2;`. Numbers of
/// their first words.
fn joined(solid: &[Token<'_>]) -> BTreeSet<usize> {
    let mut joined = BTreeSet::new();
    // Of each bracket that is open: which it is, and the first word of its last statement.
    let mut open = vec![('{', "")];
    let mut begins = true;
    for (at, token) in solid.iter().enumerate() {
        let Some((bracket, first)) = open.last_mut() else { break };
        let word = word(token).unwrap_or_default();
        if begins && *bracket == '{' {
            let follows = at.checked_sub(1).and_then(|before| solid.get(before)) == Some(&Token::Mark(';'));
            if follows && word == *first && matches!(word, "const" | "let") {
                joined.insert(at);
            }
            *first = word;
        }
        begins = match token {
            Token::Mark(bracket @ ('{' | '(' | '[')) => {
                open.push((*bracket, ""));
                true
            }
            Token::Mark('}') => {
                open.pop();
                solid.get(at + 1).is_some_and(|next| matches!(next, Token::Word(_)))
            }
            Token::Mark(')' | ']') => {
                open.pop();
                false
            }
            Token::Mark(';') => true,
            _ => false,
        };
    }
    joined
}

fn write(tokens: &[Token<'_>], solid: &[Token<'_>], renamed: &[Option<String>]) -> String {
    let joined = joined(solid);
    let mut code = String::new();
    let mut at = 0;
    let mut gap = None;
    let mut in_import = false;
    for token in tokens {
        if let Token::Gap { line_end } = token {
            gap = Some(gap.unwrap_or(false) || *line_end);
            continue;
        }
        let separator = match gap.take() {
            // Lines that import stay as they are.
            Some(true) if in_import => {
                in_import = false;
                "\n"
            }
            Some(_) if in_import || code.chars().last().is_some_and(|last| clash(last, *token)) => " ",
            _ => "",
        };
        in_import |= *token == Token::Word("import");
        code.push_str(separator);
        match token {
            Token::Word(_) if joined.contains(&at) => {
                code.pop();
                code.push(',');
            }
            Token::Word(text) | Token::Literal(text) => {
                code.push_str(renamed.get(at).and_then(Option::as_deref).unwrap_or(text));
            }
            // The last semicolon of a block.
            Token::Mark('}') if code.ends_with(';') => {
                code.pop();
                code.push('}');
            }
            Token::Mark(mark) => code.push(*mark),
            Token::Gap { .. } => {}
        }
        at += 1;
    }
    code
}

/// Whether the two would be read as one.
fn clash(last: char, next: Token<'_>) -> bool {
    match next {
        Token::Word(_) => is_word(last),
        Token::Mark(mark) => mark == last && matches!(mark, '+' | '-'),
        Token::Literal(_) | Token::Gap { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::minify;

    #[test]
    fn small() {
        for (source, small) in [
            ("import crypto from 'crypto';\n// x\nconst one = 1;\n", "import crypto from 'crypto';\nconst A=1;"),
            ("function f(first) {\n  return first + ++first;\n}\nf(1);", "function A(a){return a+ ++a}A(1);"),
            ("const a = 1;\nconst b = a;\nlet c = { a: a, key: b };", "const A=1,B=A;let C={a:A,d:B};"),
            ("const f = 'a // b' + \"it's\" / 2;", "const A='a // b'+\"it's\"/2;"),
            ("function g(x) { return /[/]'\\/ /.test(x) / 2; }", "function A(a){return/[/]'\\/ /.test(a)/2}"),
            ("for (let i = 0; i < 2; i++) { const o = i; const p = o; }", "for(let A=0;A<2;A++){const B=A,C=B}"),
            ("function handler(event) { return { event: event.event }; }", "function handler(a){return{a:a.a}}"),
        ] {
            assert_eq!(minify(source), small, "{source}");
        }
    }
}
