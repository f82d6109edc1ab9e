//! The one pair of keys this store knows, and the region it says it is in.

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use secrecy::{ExposeSecret as _, SecretString};

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: SecretString,
    pub(crate) region: String,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            Ok(self.secret_key.expose_secret().into())
        } else {
            Err(s3_error!(InvalidAccessKeyId, "The access key you provided does not exist in our records."))
        }
    }
}
