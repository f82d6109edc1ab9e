//! CloudFront's own limits on requests.

use crate::support::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_requests() {
    let site = Site::start(&[]).await;
    let fits = format!("/open/{}", "a".repeat(8192 - 6));
    // It comes as far as S3, whose keys are shorter.
    assert_eq!(site.get(&fits).await.status, 400);
    assert_eq!(site.get(&format!("{fits}a")).await.status, 413);
    let filling = "a".repeat(20_000);
    assert_eq!(site.ask("GET", "/open/a", &[("x-filling", &filling)]).await.status, 404);
    let filling = "a".repeat(20_480);
    assert_eq!(site.ask("GET", "/open/a", &[("x-filling", &filling)]).await.status, 413);
    site.stop().await;
}
