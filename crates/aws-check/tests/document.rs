//! Reading templates: places, short tags, limits, functions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::format_push_string)] // the helpers of a test fail the test

use aws_check::document::{Fault, Parameters, Place, Value, limits};
use aws_check::{Document, DocumentError};

fn parse(text: &str) -> Document {
    Document::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn fault(text: &str) -> DocumentError {
    Document::parse(text).expect_err(text)
}

fn place(line: usize, column: usize) -> Place {
    Place { line, column }
}

/// A document with the one value under `Resources.R.Properties.V`, resolved.
fn resolved(value: &str, parameters: &Parameters) -> (Option<String>, bool) {
    let head = "
Parameters:
  Stage: {Type: String, Default: test}
  Free: {Type: String}
  List: {Type: CommaDelimitedList, Default: 'a, b'}
  Secret: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /name}
Mappings:
  Sizes: {test: {memory: 128}}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsFree: !Equals [!Ref Free, '']
  Both: !And [!Condition IsTest, !Not [!Condition IsFree]]
  Loop: !Not [!Condition Loop]
Resources:
  R:
    Type: T
    Properties:
";
    let document = parse(&format!("{head}      V: {value}\n"));
    let node = document.resource("R").unwrap().property(&["V"]).unwrap();
    let node = document.resolve(node, parameters);
    (node.pattern().map(str::to_owned), node.is_unknown())
}

#[test]
fn places_are_those_of_the_text() {
    let yaml = "Resources:\n  Bücket:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: \"ä\"\n";
    let json = "{\n \"Resources\": {\n  \"Bücket\": {\"Type\": \"AWS::S3::Bucket\",\n   \"Properties\": {\"BucketName\": \"\\u00e4\"}}}}";
    for (text, logical_id, name) in [(yaml, place(2, 3), place(5, 19)), (json, place(3, 3), place(4, 33))] {
        let document = parse(text);
        let bucket = document.resource("Bücket").unwrap();
        assert_eq!(bucket.kind, "AWS::S3::Bucket");
        assert_eq!(bucket.place, Some(logical_id));
        let node = bucket.property(&["BucketName"]).unwrap();
        assert_eq!((node.text(), node.place), (Some("ä"), Some(name)));
    }
}

#[test]
fn json_and_yaml_are_one_tree() {
    let yaml = "
Resources:
  R:
    A: !Ref X
    B: !GetAtt R.Outputs.Name
    C: !Sub ['${V}', {V: 1}]
    D: [true, 0123, 1.5, ~, no]
    E: !If [C, !Join [',', [a, b]], !ImportValue x]
    F: !Select [1, !Split ['/', !Base64 b]]
    G: {'Fn::GetAtt': R.Arn}
    H: !FindInMap [A, B, C]
    I: !Cidr [a, 1, 2]
    J: !Transform {Name: 'AWS::Include'}
    K: !Not [!And [!Or [!Equals [a, b], !Condition c]]]
";
    let json = r#"{"Resources": {"R": {
	"A": {"Ref": "X"}, "B": {"Fn::GetAtt": ["R", "Outputs.Name"]}, "C": {"Fn::Sub": ["${V}", {"V": 1}]},
	"D": [true, "0123", 1.5, null, "no"], "E": {"Fn::If": ["C", {"Fn::Join": [",", ["a", "b"]]}, {"Fn::ImportValue": "x"}]},
	"F": {"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::Base64": "b"}]}]}, "G": {"Fn::GetAtt": "R.Arn"},
	"H": {"Fn::FindInMap": ["A", "B", "C"]}, "I": {"Fn::Cidr": ["a", 1, 2]}, "J": {"Fn::Transform": {"Name": "AWS::Include"}},
	"K": {"Fn::Not": [{"Fn::And": [{"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Condition": "c"}]}]}]}
    }}}"#;
    let (yaml, json) = (parse(yaml), parse(json));
    assert_eq!(yaml.root().to_json(), json.root().to_json());
    assert_eq!(json.root().to_json(), serde_json::from_str::<serde_json::Value>(r#"{"Resources": {"R": {
        "A": {"Ref": "X"}, "B": {"Fn::GetAtt": ["R", "Outputs.Name"]}, "C": {"Fn::Sub": ["${V}", {"V": 1}]},
        "D": [true, "0123", 1.5, null, "no"], "E": {"Fn::If": ["C", {"Fn::Join": [",", ["a", "b"]]}, {"Fn::ImportValue": "x"}]},
        "F": {"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::Base64": "b"}]}]}, "G": {"Fn::GetAtt": "R.Arn"},
        "H": {"Fn::FindInMap": ["A", "B", "C"]}, "I": {"Fn::Cidr": ["a", 1, 2]}, "J": {"Fn::Transform": {"Name": "AWS::Include"}},
        "K": {"Fn::Not": [{"Fn::And": [{"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Condition": "c"}]}]}]}
    }}}"#).unwrap());
}

#[test]
fn faults_have_codes_and_places() {
    let deep = format!("Resources: {}{}", "[".repeat(100), "]".repeat(100));
    let deep_json = format!("{{\"Resources\": {}{}}}", "[".repeat(100), "]".repeat(100));
    let rows = [
        ("Resources:\n  A: {Type: x}\n  A: {Type: y}\n", "duplicate_key", place(3, 3)),
        ("{\"Resources\": {\"A\": 1,\n \"A\": 2}}", "duplicate_key", place(2, 2)),
        ("Resources:\n  A: !Reff b\n", "unknown_tag", place(2, 6)),
        ("Resources:\n  A: !GetAtt b\n", "misused_tag", place(2, 6)),
        ("Resources:\n  A: !Ref [b]\n", "misused_tag", place(2, 6)),
        ("Resources:\n  ? [a]\n  : b\n", "key_not_text", place(2, 5)),
        ("Resources: {}\n---\nResources: {}\n", "second_document", place(2, 1)),
        ("Resources: &a\n  A: *a\n", "alias_of_itself", place(2, 6)),
        ("- a\n", "not_a_map", place(1, 1)),
        ("Outputs: {}\n", "no_resources", place(1, 1)),
        ("Resources: []\n", "no_resources", place(1, 1)),
        ("Resources:\n  A: [\n", "syntax", place(3, 1)),
        ("Resources:\n  A: *nobody\n", "syntax", place(2, 6)),
        ("{\"Resources\": {\"A\": \"\n\"}}x", "syntax", place(1, 21)),
        ("{\"Resources\": {}} x", "syntax", place(1, 19)),
        (&deep, "too_deep", place(1, 76)),
        (&deep_json, "too_deep", place(1, 79)),
    ];
    for (text, code, place) in rows {
        let error = fault(text);
        assert_eq!((error.fault.code(), error.place), (code, Some(place)), "{text}: {error}");
    }
    assert_eq!(fault("").fault, Fault::NotAMap);
    assert_eq!(fault(&" ".repeat(limits::TEXT_BYTES + 1)).fault, Fault::TooLong);
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = String::from("A0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("A{level}: &a{level} [{aliases}]\n");
    }
    text.push_str("Resources: {}\n");
    assert_eq!(fault(&text).fault, Fault::TooLarge);

    let long = "x".repeat(500_000);
    let aliases = vec!["*a"; 1000].join(", ");
    assert_eq!(fault(&format!("A: &a {long}\nB: [{aliases}]\nResources: {{}}\n")).fault, Fault::TooLarge);
}

#[test]
fn aliases_do_not_nest_deeper_than_the_limit() {
    let mut text = String::from("A0: &a0 x\n");
    for level in 1..5 {
        text += &format!("A{level}: &a{level} {}*a{}{}\n", "[".repeat(30), level - 1, "]".repeat(30));
    }
    text.push_str("Resources: {}\n");
    assert_eq!(fault(&text).fault, Fault::TooDeep);
}

#[test]
fn what_begins_with_a_brace_may_be_yaml() {
    assert_eq!(parse("{Resources: {A: {Type: T}}}").resource("A").unwrap().kind, "T");
}

#[test]
fn a_bomb_of_functions_stays_unknown() {
    let long = "x".repeat(4_000);
    let many = "${Long}".repeat(100_000);
    let document = parse(&format!(
        "Parameters: {{Long: {{Type: String, Default: {long}}}}}\nResources:\n  R:\n    Properties:\n      V: !Sub '{many}'\n"
    ));
    let node = document.resource("R").unwrap().property(&["V"]).unwrap();
    assert!(document.resolve(node, &Parameters::default()).is_unknown());
}

#[test]
fn aliases_and_merge_keys_are_written_out() {
    let document = parse(
        "
Common: &common {Type: T, Properties: {A: 1}}
Resources:
  R: *common
  S: {<<: *common, Type: U}
",
    );
    let kinds: Vec<_> = document.resources().map(|resource| resource.kind).collect();
    assert_eq!(kinds, ["T", "U"]);
    assert_eq!(document.resource("S").unwrap().property(&["A"]).unwrap().text(), Some("1"));
}

#[test]
fn functions_are_evaluated_as_far_as_known() {
    let none = Parameters::default();
    let rows = [
        ("!Ref Stage", "test", false),
        ("!Ref Free", "${Free}", true),
        ("!Ref Bucket", "${Bucket}", true),
        ("!Ref Secret", "${Secret}", true),
        ("!Ref AWS::Partition", "aws", false),
        ("!Ref AWS::Region", "${AWS::Region}", true),
        ("!Sub 'a-${Stage}-b'", "a-test-b", false),
        ("!Sub '${!Stage}'", "${Stage}", false),
        ("!Sub 'arn:${AWS::Partition}:s3:::${Bucket}/*'", "arn:aws:s3:::${Bucket}/*", true),
        ("!Sub ['${A}/${B.Arn}', {A: !Ref Stage}]", "test/${B.Arn}", true),
        ("!Join ['', ['arn:aws:s3:::', !Ref Bucket, '/*']]", "arn:aws:s3:::${Bucket}/*", true),
        ("!Join ['-', !Ref List]", "a-b", false),
        ("!Select [1, !Ref List]", "b", false),
        ("!Select [2, !Split ['/', 'https://host/']]", "host", false),
        (
            "!Select [2, !Split ['/', !GetAtt Url.FunctionUrl]]",
            "${Fn::Select 2 ${Fn::Split / ${Url.FunctionUrl}}}",
            true,
        ),
        ("!FindInMap [Sizes, !Ref Stage, memory]", "128", false),
        ("!FindInMap [Sizes, !Ref Free, memory]", "${Fn::FindInMap Sizes ${Free} memory}", true),
        ("!If [IsTest, a, b]", "a", false),
        ("!If [IsFree, a, b]", "${Fn::If IsFree a b}", true),
        ("!If [Both, a, b]", "${Fn::If Both a b}", true),
        ("!If [Loop, a, b]", "${Fn::If Loop a b}", true),
        ("!ImportValue x", "${Fn::ImportValue x}", true),
        ("!GetAtt Bucket.Arn", "${Bucket.Arn}", true),
        ("{'Fn::GetAtt': Bucket.Arn}", "${Bucket.Arn}", true),
    ];
    for (text, expected, unknown) in rows {
        assert_eq!(resolved(text, &none), (Some(expected.to_owned()), unknown), "{text}");
    }
    assert_eq!(resolved("!Ref AWS::NoValue", &none), (None, false));

    let given = Parameters::default()
        .with("Free", "x")
        .with("AWS::Region", "eu-west-1")
        .with_reference("Bucket", "files")
        .with_attribute("Bucket", "Arn", "arn:aws:s3:::files");
    let rows = [
        ("!If [IsFree, a, b]", "b"),
        ("!If [Both, a, b]", "a"),
        ("!Sub '${Bucket}.s3.${AWS::Region}.${AWS::URLSuffix}'", "files.s3.eu-west-1.amazonaws.com"),
        ("!Sub '${Bucket.Arn}/*'", "arn:aws:s3:::files/*"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::files"),
    ];
    for (text, expected) in rows {
        assert_eq!(resolved(text, &given), (Some(expected.to_owned()), false), "{text}");
    }
    assert_eq!(resolved("!If [IsFree, a, b]", &none.clone().with_other("Free")), (Some("b".into()), false));
    assert_eq!(resolved("!If [IsFree, a, b]", &none.with_condition("IsFree", true)), (Some("a".into()), false));
}

#[test]
fn conditions_that_lean_on_each_other_are_unknown() {
    let many = "{Condition: B}, ".repeat(20);
    let document = parse(&format!(
        "
Conditions:
  A: {{'Fn::And': [{many}]}}
  B: {{'Fn::Or': [{}]}}
  C: !Equals [!If [C, x, y], x]
Resources: {{R: {{V: !If [A, x, y], W: !If [C, x, y]}}}}
",
        many.replace('B', "A")
    ));
    let none = Parameters::default();
    assert_eq!(document.truths(&none), [("A", None), ("B", None), ("C", None)]);
    assert!(document.resolve(document.resource("R").unwrap().node, &none).get("V").unwrap().is_unknown());
}

#[test]
fn a_lone_exclamation_mark_says_nothing() {
    let document = parse("Resources: {R: {V: {! 'Ref': A}, W: ! 12}}\n");
    let node = document.resource("R").unwrap().node;
    assert_eq!(node.to_json(), serde_json::json!({ "V": { "Ref": "A" }, "W": "12" }));
}

#[test]
fn no_value_takes_its_key_away() {
    let document = parse(
        "
Resources:
  R: {A: !Ref AWS::NoValue, B: [1, !Ref AWS::NoValue, 2]}
",
    );
    let node = document.resolve(document.resource("R").unwrap().node, &Parameters::default());
    assert!(node.get("A").is_none());
    assert_eq!(node.get("B").unwrap().items().len(), 2);
}

#[test]
fn account_numbers_keep_their_zeros() {
    let document = parse("Resources:\n  R: {A: 012345678901, B: 1_000}\n");
    let node = document.resource("R").unwrap().node;
    assert_eq!(node.get("A").unwrap().text(), Some("012345678901"));
    assert_eq!(node.get("A").unwrap().to_json(), "012345678901");
    assert!(matches!(node.get("B").unwrap().value, Value::Text(_)));
}
