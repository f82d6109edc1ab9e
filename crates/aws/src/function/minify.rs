//! Makes the function's code small: comments and white space go, names become short.
//!
//! It reads JavaScript as `viewer-request.js` is written: every statement that is no block ends with a semicolon, names are
//! declared one by one (no destructuring, no defaults), there are no template literals. Names are exchanged one for one
//! throughout, and no new one is a word of the code, so no scope can change. The tests compare the syntax trees.

use std::collections::{BTreeMap, BTreeSet};

/// Kept: CloudFront calls the first, the others are of lines that stay as they are.
const KEPT: [&str; 3] = ["handler", "crypto", "cf"];

/// Names of members that are ours and nobody else's.
const OWN_MEMBERS: [&str; 19] = [
    "apps", "policy", "header", "query", "cookie", "issuers", "buckets", "routes", "rows", "key", "bucket", "any",
    "captures", "parts", "claims", "audiences", "times", "number", "issuer",
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
    let names = short_names(&tokens);
    write(&tokens, &names)
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

/// What each declared name becomes: the most used the shortest.
fn short_names<'a>(tokens: &[Token<'a>]) -> BTreeMap<&'a str, String> {
    let solid: Vec<Token<'a>> = tokens.iter().copied().filter(|token| !matches!(token, Token::Gap { .. })).collect();
    let words: BTreeSet<&str> = solid.iter().filter_map(word).collect();
    let mut uses: BTreeMap<&'a str, usize> = declared(&solid).into_iter().map(|name| (name, 0)).collect();
    for name in OWN_MEMBERS {
        if let Some(name) = words.get(name) {
            uses.insert(name, 0);
        }
    }
    for (at, token) in solid.iter().enumerate() {
        if let Some(count) = word(token).filter(|name| is_ours(name, &solid, at)).and_then(|name| uses.get_mut(name)) {
            *count += 1;
        }
    }
    let mut names: Vec<(&'a str, usize)> = uses.into_iter().filter(|(name, _)| !KEPT.contains(name)).collect();
    names.sort_by_key(|(name, uses)| (std::cmp::Reverse(*uses), *name));
    let mut short = short().filter(|short| !words.contains(short.as_str()));
    names.into_iter().filter_map(|(name, _)| Some((name, short.next()?))).collect()
}

fn word<'a>(token: &Token<'a>) -> Option<&'a str> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// The names of functions, constants, variables and parameters.
fn declared<'a>(solid: &[Token<'a>]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (at, token) in solid.iter().enumerate() {
        let mut rest = solid.iter().skip(at + 1);
        match token {
            Token::Word("const" | "let" | "import") => names.extend(rest.next().and_then(word)),
            Token::Word("function" | "catch") => names.extend(rest.take_while(|token| **token != Token::Mark(')')).filter_map(word)),
            Token::Mark('=') if rest.next() == Some(&Token::Mark('>')) => {
                let before = solid.get(..at).unwrap_or_default().iter().rev();
                let in_parentheses = solid.get(..at).and_then(<[_]>::last) == Some(&Token::Mark(')'));
                let most = if in_parentheses { usize::MAX } else { 1 };
                names.extend(before.take(most).take_while(|token| **token != Token::Mark('(')).filter_map(word));
            }
            _ => {}
        }
    }
    names
}

/// Whether the word is a name of ours, and not that of somebody else's member: behind a dot, or a key of an object.
fn is_ours(name: &str, solid: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| solid.get(before));
    let is_key = solid.get(at + 1) == Some(&Token::Mark(':'))
        && matches!(before, Some(Token::Mark('{' | ',')));
    let is_member = before == Some(&Token::Mark('.')) || is_key;
    !is_member || OWN_MEMBERS.contains(&name)
}

/// `a`, `b`, … `Z`, `aa`, `ab`, …
fn short() -> impl Iterator<Item = String> {
    let letters = || ('a'..='z').chain('A'..='Z');
    letters().map(String::from).chain(letters().flat_map(move |first| letters().map(move |second| format!("{first}{second}"))))
}

fn write(tokens: &[Token<'_>], names: &BTreeMap<&str, String>) -> String {
    let solid: Vec<Token<'_>> = tokens.iter().copied().filter(|token| !matches!(token, Token::Gap { .. })).collect();
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
            Token::Word(word) if is_ours(word, &solid, at) => code.push_str(names.get(word).map_or(*word, String::as_str)),
            Token::Word(text) | Token::Literal(text) => code.push_str(text),
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
