use std::sync::Arc;
use std::time::Duration;
fn b64(bytes: &[u8]) -> String {
    const A: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(A[(n >> (18 - 6 * i) & 63) as usize] as char);
        }
    }
    out
}
fn main() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    rt.block_on(async {
        let life: u64 = std::env::var("LIFE").ok().and_then(|l| l.parse().ok()).unwrap_or(28800);
        let u = |name: &str, title: &str, ws: &str, wn: &str, role: &str| demo::User {
            name: name.into(),
            title: title.into(),
            workspace: ws.into(),
            workspace_name: wn.into(),
            role: role.into(),
        };
        let a = "8f2b4c1e-6d3a-4f0b-9c7e-1a2b3c4d5e6f";
        let b = "1c9d8e7f-2b3a-4c5d-8e9f-0a1b2c3d4e5f";
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 9080)).await.unwrap();
        let settings = demo::Settings {
            origin: "http://localhost:9080".into(),
            files_origin: std::env::var("FILES").unwrap_or("http://localhost:9081".into()),
            connect: vec!["http://localhost:9083".into()],
            users: vec![
                u("ada", "Ada Lovelace", a, "Analytical Engines", "owner"),
                u("grace", "Grace Hopper", a, "Analytical Engines", "reader"),
                u("linus", "Linus Pauling", b, "Crystal House", "owner"),
            ],
            jwks: "{\"keys\":[]}".into(),
            token_life: Duration::from_secs(life),
            data_dir: "/tmp/trial-data".into(),
            mint: Arc::new(move |user| {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
                format!(
                    "{}.{}.{}",
                    b64(b"{\"alg\":\"none\"}"),
                    b64(format!(
                        "{{\"sub\":\"{}\",\"iat\":{now},\"exp\":{},\"members\":{{\"{}\":\"{}\"}}}}",
                        user.name,
                        now + life,
                        user.workspace,
                        user.role
                    )
                    .as_bytes()),
                    b64(format!("sig{now}{}", now % 7).as_bytes())
                )
            }),
        };
        demo::serve(listener, settings, std::future::pending()).await.unwrap();
    });
}
