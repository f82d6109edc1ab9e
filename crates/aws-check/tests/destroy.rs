//! Taking a deployment away: what is listed first, what is never touched, and the replicas that keep a function for hours.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers of a test fail the test

use std::cell::RefCell;
use std::time::Duration;

use aws_check::destroy::{DestroyError, Outcome, Patience, Stack, Step, Wait, destroy, plan};
use aws_check::live::{AwsError, AwsFault};
use serde_json::{Value as Json, json};

const STACK: Stack<'_> = Stack { name: "files", region: "us-east-1" };
const PATIENCE: Patience = Patience { looks: 3, pause: Duration::ZERO };

/// An account with one stack, as far as these commands see it.
struct Account {
    /// `None` once it is gone.
    status: Option<&'static str>,
    description: &'static str,
    bucket_policy: &'static str,
    /// How often CloudFormation is asked before the stack is gone.
    slow: u32,
    function: bool,
    replicas: bool,
    calls: Vec<String>,
}

fn account() -> RefCell<Account> {
    RefCell::new(Account {
        status: Some("CREATE_COMPLETE"),
        description: "Edgepass: private files of acme-files",
        bucket_policy: "Retain",
        slow: 1,
        function: true,
        replicas: true,
        calls: Vec::new(),
    })
}

fn refused(words: &[&str], code: &str, message: &str) -> Result<Json, AwsError> {
    let call = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    Err(AwsError { call, fault: AwsFault::Refused { code: code.into(), words: message.into() } })
}

impl Account {
    fn answer(&mut self, words: &[&str]) -> Result<Json, AwsError> {
        self.calls.push(words.iter().take(2).copied().collect::<Vec<_>>().join(" "));
        match words.get(1).copied().unwrap_or_default() {
            "describe-stacks" => {
                if self.status == Some("DELETE_IN_PROGRESS") {
                    self.slow = self.slow.saturating_sub(1);
                    if self.slow == 0 {
                        self.status = None;
                    }
                }
                match self.status {
                    Some(status) => Ok(json!({ "Stacks": [{
                        "StackId": "arn:files", "StackName": "files", "StackStatus": status }] })),
                    None => refused(words, "ValidationError", "Stack with id files does not exist"),
                }
            }
            "get-template" => Ok(json!({ "TemplateBody": format!("
Description: '{}'
Resources:
  Bucket: {{Type: AWS::S3::Bucket, DeletionPolicy: {}}}
  EdgeFunction: {{Type: AWS::Lambda::Function, DeletionPolicy: Retain}}
  EdgeFunctionVersion1: {{Type: AWS::Lambda::Version, DeletionPolicy: Retain}}
  RegionalFunction: {{Type: AWS::Lambda::Function}}
", self.description, self.bucket_policy) })),
            "describe-stack-resources" => {
                let left = if self.status.is_some() { "CREATE_COMPLETE" } else { "DELETE_SKIPPED" };
                let gone = if self.status.is_some() { "CREATE_COMPLETE" } else { "DELETE_COMPLETE" };
                let resource = |id: &str, kind: &str, name: &str, status: &str| {
                    json!({
                    "LogicalResourceId": id, "ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": status,
                    "ResourceStatusReason": "because" })
                };
                let status = if self.status == Some("DELETE_FAILED") { "DELETE_FAILED" } else { gone };
                Ok(json!({ "StackResources": [
                    resource("Bucket", "AWS::S3::Bucket", "acme-files", left),
                    resource("EdgeFunction", "AWS::Lambda::Function", "files-EdgeFunction-A1", left),
                    resource("EdgeFunctionVersion1", "AWS::Lambda::Version", "arn:1", left),
                    resource("RegionalFunction", "AWS::Lambda::Function", "files-RegionalFunction-B2", status),
                ] }))
            }
            "list-stacks" => Ok(json!({ "StackSummaries": [
                { "StackName": "files", "StackId": "arn:files" },
                { "StackName": "other", "StackId": "arn:other" },
            ] })),
            "delete-stack" => {
                self.status = Some("DELETE_IN_PROGRESS");
                Ok(Json::Null)
            }
            "get-function-configuration" if self.function => Ok(json!({})),
            "delete-function" if self.replicas => refused(
                words,
                "InvalidParameterValueException",
                "Lambda was unable to delete arn:…:1 because it is a replicated function. Please see our documentation",
            ),
            "delete-function" if self.function => {
                self.function = false;
                Ok(Json::Null)
            }
            "get-function-configuration" | "delete-function" => {
                refused(words, "ResourceNotFoundException", "not found")
            }
            other => panic!("not asked before: {other}"),
        }
    }
}

fn run(account: &RefCell<Account>) -> Result<Outcome, DestroyError> {
    let aws = |words: &[&str]| account.borrow_mut().answer(words);
    destroy(&plan(&[STACK], &aws)?, &aws, PATIENCE, &mut |_| {})
}

#[test]
fn the_plan_lists_everything_and_changes_nothing() {
    let account = account();
    let plan = plan(&[STACK], &|words| account.borrow_mut().answer(words)).unwrap();
    let text = plan.to_string();
    assert_eq!(
        text,
        "\
delete the stack `files` in us-east-1; the distribution in it is disabled first
delete the function `files-EdgeFunction-A1` in us-east-1, once its replicas at the edge are gone
keep S3 Bucket `acme-files`
"
    );
    assert!(!plan.is_idle());
    assert!(account.borrow().calls.iter().all(|call| !call.contains("delete")));
}

#[test]
fn the_same_command_again_goes_on_where_it_was() {
    let account = account();
    let replicas = Outcome::ComeBack(Wait::Replicas("files-EdgeFunction-A1".into()));
    assert_eq!(run(&account), Ok(replicas.clone()));
    // The stack is gone, its replicas are not.
    assert_eq!(run(&account), Ok(replicas));
    account.borrow_mut().replicas = false;
    assert_eq!(run(&account), Ok(Outcome::Done));
    assert_eq!(run(&account), Ok(Outcome::Done));
    let calls = account.borrow().calls.clone();
    assert_eq!(calls.iter().filter(|call| call.ends_with("delete-stack")).count(), 1);
    assert!(calls.iter().all(|call| !call.starts_with("s3")));
    let plan = plan(&[STACK], &|words| account.borrow_mut().answer(words)).unwrap();
    assert_eq!(plan.steps(), [Step::Keep { kind: "AWS::S3::Bucket".into(), name: "acme-files".into() }]);
    assert!(plan.is_idle());
}

#[test]
fn patience_ends() {
    let account = account();
    account.borrow_mut().slow = 100;
    assert_eq!(run(&account), Ok(Outcome::ComeBack(Wait::Stack("files".into()))));
    // Later it is waited for, and not deleted a second time.
    account.borrow_mut().slow = 2;
    account.borrow_mut().replicas = false;
    assert_eq!(run(&account), Ok(Outcome::Done));
    assert_eq!(account.borrow().calls.iter().filter(|call| call.ends_with("delete-stack")).count(), 1);
}

#[test]
fn what_is_not_ours_or_not_retained_is_left_alone() {
    for (description, bucket_policy, words) in [
        ("Our database", "Retain", "was not made from a template of Edgepass"),
        ("Edgepass: files", "Delete", "would delete the bucket `Bucket`"),
    ] {
        let account = account();
        account.borrow_mut().description = description;
        account.borrow_mut().bucket_policy = bucket_policy;
        let error = run(&account).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(account.borrow().calls.iter().all(|call| !call.contains("delete")));
    }
}

#[test]
fn reasons_of_cloudformation_are_passed_on() {
    let account = account();
    let aws = |words: &[&str]| {
        let answer = account.borrow_mut().answer(words);
        if words.contains(&"delete-stack") {
            account.borrow_mut().status = Some("DELETE_FAILED");
        }
        answer
    };
    let error = destroy(&plan(&[STACK], &aws).unwrap(), &aws, PATIENCE, &mut |_| {}).unwrap_err();
    let reasons = vec!["`RegionalFunction`: because".to_owned()];
    assert_eq!(error, DestroyError::Failed { stack: "files".into(), reasons });
}
