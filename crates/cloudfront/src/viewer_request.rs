//! Viewer-request: the behaviour's function runs before the cache is looked at.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;

use crate::answer::{Answer, From};
use crate::event::{Decision, Invalid, Viewed};
use crate::lambda::{Failure, Function};
use crate::log::Record;
use crate::pipeline::{Arrival, Edge};
use crate::policy::Asked;
use crate::{edge_event, function_event};

pub enum AtViewerRequest {
    LambdaEdge(Arc<Function>),
    Script(Arc<Function>),
}

impl Edge {
    /// The request as the function leaves it. What the function answers itself is sent as it is, without custom errors or response
    /// headers policies.
    pub async fn viewer_request(
        &self,
        arrival: &Arrival<'_>,
        asked: Asked,
        record: &mut Record,
    ) -> Result<Asked, Box<Answer>> {
        let Some(Some(function)) = self.viewer_requests.get(arrival.number) else {
            return Ok(asked);
        };
        let method = &arrival.parts.method;
        let viewed = Viewed { id: arrival.id, ip: arrival.ip.clone(), method, asked: &asked };
        let began = Instant::now();
        let (outcome, function, generated, failed) = match function {
            AtViewerRequest::LambdaEdge(function) => {
                let result = function.invoke(edge_event::event(&viewed).to_string().into()).await;
                let read = |result: Bytes| edge_event::read(&result, &viewed);
                (result.map(read), function, From::LambdaGenerated, From::LambdaError)
            }
            AtViewerRequest::Script(function) => {
                let result = function.invoke(function_event::event(&viewed).to_string().into()).await;
                let read = |result: Bytes| function_event::read(&result, &viewed);
                (result.map(read), function, From::FunctionGenerated, From::FunctionError)
            }
        };
        record.function = Some(began.elapsed());
        let answer = match outcome {
            Ok(Ok(Decision::Forward(asked))) => return Ok(asked),
            Ok(Ok(Decision::Answer(made))) => Answer::generated(made, generated),
            // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-502-lambda-validation-error.html
            Ok(Err(Invalid(why))) => {
                (self.output)(function.id(), &format!("CloudFront refuses the function's answer: {why}"));
                Answer::error(StatusCode::BAD_GATEWAY, From::Error, format!("the function's answer is refused: {why}"))
            }
            Err(failure) => {
                (self.output)(function.id(), &format!("the function failed: {failure:?}"));
                Answer::error(StatusCode::SERVICE_UNAVAILABLE, failed, words(&failure))
            }
        };
        Err(Box::new(answer))
    }
}

fn words(failure: &Failure) -> &'static str {
    match failure {
        Failure::Error(_) => "the function failed: see its output",
        Failure::TimedOut => "the function took longer than its timeout",
        Failure::Throttled => "all instances of the function are busy",
    }
}
