//! CloudFront Functions.

use crate::support::{Site, changed, fault_of, template};

const SCRIPT: &str = r"
  KeyValueStore:
    Type: AWS::CloudFront::KeyValueStore
    Properties: { Name: keys }
  ViewerRequestFunction:
    Type: AWS::CloudFront::Function
    Properties:
      Name: viewer
      AutoPublish: true
      FunctionConfig:
        Comment: a
        Runtime: cloudfront-js-2.0
        KeyValueStoreAssociations:
          - KeyValueStoreARN: !GetAtt KeyValueStore.Arn
      FunctionCode: |
        import cf from 'cloudfront';
        async function handler(event) {
          const request = event.request;
          const asked = request.querystring;
          if (asked.throw) throw new Error('as asked');
          if (asked.spin) for (;;);
          if (asked.header) return { statusCode: 200, headers: { 'x-cache': { value: '1' } } };
          const secret = await cf.kvs().get('app');
          if (!request.cookies.t || request.cookies.t.value !== secret) return { statusCode: 401, body: 'no' };
          request.uri = '/' + asked.key.value;
          request.querystring = {};
          delete request.cookies.t;
          return request;
        }
";

fn with_script() -> String {
    changed(&[
        ("\n  OriginSecret:", &format!("{SCRIPT}\n  OriginSecret:")),
        (
            "LambdaFunctionAssociations:\n            - { EventType: viewer-request, LambdaFunctionARN: !Ref EdgeFunctionVersion1, IncludeBody: false }",
            "FunctionAssociations:\n            - { EventType: viewer-request, FunctionARN: !GetAtt ViewerRequestFunction.FunctionARN }",
        ),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decides() {
    let site = Site::of(vec![template(with_script())]).await;
    site.put("a", "hello", &[]).await;
    let refused = site.get("/x?key=a").await;
    assert_eq!((refused.status.as_u16(), refused.text()), (401, "no"));
    assert_eq!(refused.header("x-cache"), "FunctionGeneratedResponse from cloudfront");
    for expected in ["Miss from cloudfront", "Hit from cloudfront"] {
        let read = site.ask("GET", "/x?key=a", &[("cookie", "t=s3cret")]).await;
        assert_eq!((read.text(), read.header("x-cache")), ("hello", expected));
    }
    let failed = site.get("/x?throw=1").await;
    assert_eq!((failed.status.as_u16(), failed.header("x-cache")), (503, "FunctionExecutionError from cloudfront"));
    assert_eq!(site.get("/x?spin=1").await.status, 503);
    assert_eq!(site.get("/x?header=1").await.status, 502);
    site.stop().await;
}

#[test]
fn too_long() {
    let long =
        with_script().replacen("const request", &format!("// {}\n          const request", "x".repeat(10_240)), 1);
    let fault = fault_of(vec![template(long)]).to_string();
    assert!(fault.contains("10 KB are the most"), "{fault}");
}

#[test]
fn beside_a_lambda_function() {
    let both = with_script().replacen(
        "FunctionAssociations:\n",
        "LambdaFunctionAssociations:\n            - { EventType: viewer-request, LambdaFunctionARN: !Ref EdgeFunctionVersion1 }\n          FunctionAssociations:\n",
        1,
    );
    let fault = fault_of(vec![template(both)]).to_string();
    assert!(fault.contains("one function at viewer-request"), "{fault}");
}
