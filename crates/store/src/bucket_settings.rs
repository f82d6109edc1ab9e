//! What a bucket is set to: most of it is the same for all, and cannot be changed. Clients ask for it in ordinary use.

use crate::fault::Fault;
use crate::list_answer::owner;
use crate::vault::Vault;
use http::HeaderMap;
use s3s::dto::{
    AccessControlPolicy, Grant, Grantee, ObjectOwnership, OwnershipControls, OwnershipControlsRule, Permission,
    PublicAccessBlockConfiguration, Type,
};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// The answer for what is not set, where the bucket is there.
pub(crate) fn not_set<T>(vault: &Vault, bucket: &str, code: S3ErrorCode, message: &'static str) -> S3Result<T> {
    exists(vault, bucket)?;
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(http::StatusCode::NOT_FOUND);
    Err(error)
}

pub(crate) fn exists(vault: &Vault, bucket: &str) -> S3Result<()> {
    Ok(vault.cors(bucket).map(|_| ()).ok_or(Fault::NoSuchBucket)?)
}

/// The owner, everything; nobody else, anything.
pub(crate) fn grants() -> Vec<Grant> {
    let owner = owner();
    let grantee = Grantee {
        id: owner.id,
        display_name: owner.display_name,
        email_address: None,
        uri: None,
        type_: Type::from_static(Type::CANONICAL_USER),
    };
    let permission = Permission::from_static(Permission::FULL_CONTROL);
    vec![Grant { grantee: Some(grantee), permission: Some(permission) }]
}

/// An ACL may be set to what it is.
pub(crate) fn only_private(headers: &HeaderMap, policy: Option<&AccessControlPolicy>) -> S3Result<()> {
    crate::given::private_acl(headers)?;
    let given = policy.and_then(|policy| policy.grants.as_deref()).unwrap_or_default();
    let of_owner = |grant: &Grant| {
        let id = grant.grantee.as_ref().and_then(|grantee| grantee.id.clone());
        id == owner().id && grant.permission.as_ref().is_some_and(|p| p.as_str() == Permission::FULL_CONTROL)
    };
    if given.iter().all(of_owner) {
        Ok(())
    } else {
        Err(s3_error!(AccessControlListNotSupported, "The bucket does not allow ACLs"))
    }
}

pub(crate) fn public_access_block() -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration {
        block_public_acls: Some(true),
        block_public_policy: Some(true),
        ignore_public_acls: Some(true),
        restrict_public_buckets: Some(true),
    }
}

pub(crate) fn ownership_controls() -> OwnershipControls {
    let object_ownership = ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED);
    OwnershipControls { rules: vec![OwnershipControlsRule { object_ownership }] }
}
