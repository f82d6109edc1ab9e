//! As whom CloudFront asks S3.

use crate::settings::Access;

pub fn access(access: Access) -> &'static str {
    match access {
        Access::Control => include_str!("pieces/access-control.yaml"),
        Access::Identity => include_str!("pieces/access-identity.yaml"),
    }
}
