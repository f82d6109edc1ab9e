//! The operations of S3, as `s3s` hands them over once a signature holds. All others answer `NotImplemented`.

use crate::attributes;
use crate::bucket_settings;
use crate::copy;
use crate::cors::{self, CorsRule};
use crate::download::{self, timestamp};
use crate::fault::{Fault, blocking};
use crate::given;
use crate::key::ObjectKey;
use crate::limits;
use crate::list_answer::{self, owner};
use crate::multipart;
use crate::multipart_lists;
use crate::object::Precondition;
use crate::tagging;
use crate::upload;
use crate::vault::{Address, Vault};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, BucketLocationConstraint, CORSRule,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateBucketInput,
    CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketCorsInput,
    DeleteBucketCorsOutput, DeleteBucketInput, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
    DeleteBucketOutput, DeleteBucketPolicyInput, DeleteBucketPolicyOutput, DeleteBucketTaggingInput,
    DeleteBucketTaggingOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectTaggingInput,
    DeleteObjectTaggingOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error,
    GetBucketAccelerateConfigurationInput, GetBucketAccelerateConfigurationOutput, GetBucketAclInput,
    GetBucketAclOutput, GetBucketCorsInput, GetBucketCorsOutput, GetBucketEncryptionInput, GetBucketEncryptionOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketLoggingInput, GetBucketLoggingOutput, GetBucketNotificationConfigurationInput,
    GetBucketNotificationConfigurationOutput, GetBucketOwnershipControlsInput, GetBucketOwnershipControlsOutput,
    GetBucketPolicyInput, GetBucketPolicyOutput, GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput,
    GetBucketReplicationInput, GetBucketReplicationOutput, GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput,
    GetBucketTaggingInput, GetBucketTaggingOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
    GetBucketWebsiteInput, GetBucketWebsiteOutput, GetObjectAclInput, GetObjectAclOutput, GetObjectAttributesInput,
    GetObjectAttributesOutput, GetObjectInput, GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput,
    GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput, GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, ObjectIdentifier, Payer, PutBucketAclInput, PutBucketAclOutput,
    PutBucketCorsInput, PutBucketCorsOutput, PutBucketOwnershipControlsInput, PutBucketOwnershipControlsOutput,
    PutObjectAclInput, PutObjectAclOutput, PutObjectInput, PutObjectOutput, PutObjectTaggingInput,
    PutObjectTaggingOutput, PutPublicAccessBlockInput, PutPublicAccessBlockOutput, UploadPartCopyInput,
    UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

pub(crate) struct Backend {
    pub(crate) vault: Arc<Vault>,
    pub(crate) region: String,
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        upload::put(&self.vault, request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        download::get(&self.vault, request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        download::head(&self.vault, request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        download::only_version(input.version_id.as_deref())?;
        if input.if_match_size.is_some() || input.if_match_last_modified_time.is_some() {
            return Err(s3_error!(NotImplemented, "Of conditional deletes, `If-Match` is implemented"));
        }
        let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
        let precondition = given::precondition(None, input.if_match.as_ref())?;
        self.vault.delete(at, precondition).await?;
        Ok(S3Response::with_status(DeleteObjectOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        if delete.objects.is_empty() || delete.objects.len() > limits::DELETE_BATCH {
            return Err(s3_error!(MalformedXML, "A request deletes 1 to {} objects", limits::DELETE_BATCH));
        }
        let (mut keys, mut errors) = (Vec::new(), Vec::new());
        for object in delete.objects {
            match one_of_many(&object) {
                Ok(wish) => keys.push(wish),
                Err(error) => errors.push(failed(object.key, &error)),
            }
        }
        let names: Vec<String> = keys.iter().map(|(key, _)| key.as_str().to_owned()).collect();
        let faults = self.vault.delete_all(bucket, keys).await?;
        let mut deleted = Vec::new();
        for (key, fault) in names.into_iter().zip(faults) {
            match fault {
                None => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
                Some(fault) => errors.push(failed(key, &fault.into())),
            }
        }
        if delete.quiet.unwrap_or(false) {
            deleted.clear();
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        multipart::create(&self.vault, request).await
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        copy::object(&self.vault, request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        copy::part(&self.vault, request).await
    }

    async fn get_object_attributes(
        &self,
        request: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        Ok(S3Response::new(attributes::get(&self.vault, request.input).await?))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        multipart::put_part(&self.vault, request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        multipart::complete(&self.vault, request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        multipart::abort(&self.vault, request.input).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        Ok(S3Response::new(multipart_lists::parts(&self.vault, request.input).await?))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        Ok(S3Response::new(multipart_lists::uploads(&self.vault, request.input).await?))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        Ok(S3Response::new(list_answer::v1(&self.vault, request.input).await?))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        Ok(S3Response::new(list_answer::v2(&self.vault, request.input).await?))
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let prefix = request.input.prefix.unwrap_or_default();
        let buckets = self.vault.buckets().await?.into_iter().filter(|bucket| bucket.name.starts_with(&prefix));
        let buckets = buckets.map(|bucket| Bucket {
            name: Some(bucket.name),
            creation_date: timestamp(bucket.created),
            bucket_region: Some(self.region.clone()),
        });
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            owner: Some(owner()),
            ..ListBucketsOutput::default()
        }))
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let name = request.input.bucket;
        if request.input.object_lock_enabled_for_bucket.unwrap_or(false) {
            return Err(s3_error!(NotImplemented, "Object lock is not implemented"));
        }
        let asked = request.input.create_bucket_configuration.and_then(|asked| asked.location_constraint);
        if asked.is_some_and(|region| !region.as_str().is_empty() && region.as_str() != self.region) {
            return Err(s3_error!(InvalidLocationConstraint, "The specified location constraint is not valid"));
        }
        let location = format!("/{name}");
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.create_bucket(&name)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.vault.cors(&request.input.bucket).ok_or(Fault::NoSuchBucket)?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(self.region.clone()),
            ..HeadBucketOutput::default()
        }))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.delete_bucket(&request.input.bucket)).await?;
        Ok(S3Response::with_status(DeleteBucketOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.vault.cors(&request.input.bucket).ok_or(Fault::NoSuchBucket)?;
        // us-east-1 has no name here.
        let region = (self.region != "us-east-1").then(|| BucketLocationConstraint::from(self.region.clone()));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: region }))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        Ok(S3Response::new(list_answer::versions(&self.vault, request.input).await?))
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn get_bucket_acl(&self, request: S3Request<GetBucketAclInput>) -> S3Result<S3Response<GetBucketAclOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketAclOutput { grants: Some(bucket_settings::grants()), owner: Some(owner()) }))
    }

    async fn put_bucket_acl(&self, request: S3Request<PutBucketAclInput>) -> S3Result<S3Response<PutBucketAclOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        bucket_settings::only_private(&request.headers, request.input.access_control_policy.as_ref())?;
        Ok(S3Response::new(PutBucketAclOutput::default()))
    }

    async fn get_object_acl(&self, request: S3Request<GetObjectAclInput>) -> S3Result<S3Response<GetObjectAclOutput>> {
        let GetObjectAclInput { bucket, key, version_id, .. } = request.input;
        tagging::find(&self.vault, bucket, key, version_id.as_deref()).await?;
        let grants = Some(bucket_settings::grants());
        Ok(S3Response::new(GetObjectAclOutput { grants, owner: Some(owner()), ..GetObjectAclOutput::default() }))
    }

    async fn put_object_acl(&self, request: S3Request<PutObjectAclInput>) -> S3Result<S3Response<PutObjectAclOutput>> {
        let PutObjectAclInput { bucket, key, version_id, access_control_policy, .. } = request.input;
        tagging::find(&self.vault, bucket, key, version_id.as_deref()).await?;
        bucket_settings::only_private(&request.headers, access_control_policy.as_ref())?;
        Ok(S3Response::new(PutObjectAclOutput::default()))
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        Ok(S3Response::new(tagging::get(&self.vault, request.input).await?))
    }

    async fn put_object_tagging(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        Ok(S3Response::new(tagging::put(&self.vault, request.input).await?))
    }

    async fn delete_object_tagging(
        &self,
        request: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        tagging::delete(&self.vault, request.input).await?;
        Ok(S3Response::with_status(DeleteObjectTaggingOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn get_bucket_policy(
        &self,
        request: S3Request<GetBucketPolicyInput>,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::NoSuchBucketPolicy,
            "The bucket policy does not exist",
        )
    }

    async fn get_bucket_policy_status(
        &self,
        request: S3Request<GetBucketPolicyStatusInput>,
    ) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::NoSuchBucketPolicy,
            "The bucket policy does not exist",
        )
    }

    async fn delete_bucket_policy(
        &self,
        request: S3Request<DeleteBucketPolicyInput>,
    ) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::with_status(DeleteBucketPolicyOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn get_bucket_tagging(
        &self,
        request: S3Request<GetBucketTaggingInput>,
    ) -> S3Result<S3Response<GetBucketTaggingOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::NoSuchTagSet,
            "The TagSet does not exist",
        )
    }

    async fn delete_bucket_tagging(
        &self,
        request: S3Request<DeleteBucketTaggingInput>,
    ) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::with_status(DeleteBucketTaggingOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        request: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::NoSuchLifecycleConfiguration,
            "The lifecycle configuration does not exist",
        )
    }

    async fn delete_bucket_lifecycle(
        &self,
        request: S3Request<DeleteBucketLifecycleInput>,
    ) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::with_status(DeleteBucketLifecycleOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn get_bucket_encryption(
        &self,
        request: S3Request<GetBucketEncryptionInput>,
    ) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::ServerSideEncryptionConfigurationNotFoundError,
            "The server side encryption configuration was not found",
        )
    }

    async fn get_bucket_replication(
        &self,
        request: S3Request<GetBucketReplicationInput>,
    ) -> S3Result<S3Response<GetBucketReplicationOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::ReplicationConfigurationNotFoundError,
            "The replication configuration was not found",
        )
    }

    async fn get_bucket_website(
        &self,
        request: S3Request<GetBucketWebsiteInput>,
    ) -> S3Result<S3Response<GetBucketWebsiteOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::NoSuchWebsiteConfiguration,
            "The specified bucket does not have a website configuration",
        )
    }

    async fn get_object_lock_configuration(
        &self,
        request: S3Request<GetObjectLockConfigurationInput>,
    ) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
        bucket_settings::not_set(
            &self.vault,
            &request.input.bucket,
            S3ErrorCode::ObjectLockConfigurationNotFoundError,
            "Object Lock configuration does not exist for this bucket",
        )
    }

    async fn get_bucket_logging(
        &self,
        request: S3Request<GetBucketLoggingInput>,
    ) -> S3Result<S3Response<GetBucketLoggingOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketLoggingOutput::default()))
    }

    async fn get_bucket_notification_configuration(
        &self,
        request: S3Request<GetBucketNotificationConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketNotificationConfigurationOutput::default()))
    }

    async fn get_bucket_accelerate_configuration(
        &self,
        request: S3Request<GetBucketAccelerateConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketAccelerateConfigurationOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketAccelerateConfigurationOutput::default()))
    }

    async fn get_bucket_request_payment(
        &self,
        request: S3Request<GetBucketRequestPaymentInput>,
    ) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketRequestPaymentOutput { payer: Some(Payer::from_static(Payer::BUCKET_OWNER)) }))
    }

    async fn get_public_access_block(
        &self,
        request: S3Request<GetPublicAccessBlockInput>,
    ) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetPublicAccessBlockOutput {
            public_access_block_configuration: Some(bucket_settings::public_access_block()),
        }))
    }

    async fn put_public_access_block(
        &self,
        request: S3Request<PutPublicAccessBlockInput>,
    ) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        if request.input.public_access_block_configuration != bucket_settings::public_access_block() {
            return Err(s3_error!(NotImplemented, "Public access is always blocked in all four ways"));
        }
        Ok(S3Response::new(PutPublicAccessBlockOutput::default()))
    }

    async fn get_bucket_ownership_controls(
        &self,
        request: S3Request<GetBucketOwnershipControlsInput>,
    ) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketOwnershipControlsOutput {
            ownership_controls: Some(bucket_settings::ownership_controls()),
        }))
    }

    async fn put_bucket_ownership_controls(
        &self,
        request: S3Request<PutBucketOwnershipControlsInput>,
    ) -> S3Result<S3Response<PutBucketOwnershipControlsOutput>> {
        bucket_settings::exists(&self.vault, &request.input.bucket)?;
        if request.input.ownership_controls != bucket_settings::ownership_controls() {
            return Err(s3_error!(NotImplemented, "Everything belongs to the owner of the bucket"));
        }
        Ok(S3Response::new(PutBucketOwnershipControlsOutput::default()))
    }

    async fn put_bucket_cors(
        &self,
        request: S3Request<PutBucketCorsInput>,
    ) -> S3Result<S3Response<PutBucketCorsOutput>> {
        let PutBucketCorsInput { bucket, cors_configuration, .. } = request.input;
        let rules: Vec<CorsRule> = cors_configuration.cors_rules.into_iter().map(rule_from_s3).collect();
        if rules.is_empty() {
            return Err(s3_error!(MalformedXML, "A CORS configuration has at least one rule"));
        }
        cors::check(&rules).map_err(|fault| s3_error!(InvalidRequest, "{fault}"))?;
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.set_cors(&bucket, &rules)).await?;
        Ok(S3Response::new(PutBucketCorsOutput::default()))
    }

    async fn get_bucket_cors(
        &self,
        request: S3Request<GetBucketCorsInput>,
    ) -> S3Result<S3Response<GetBucketCorsOutput>> {
        let rules = self.vault.cors(&request.input.bucket).ok_or(Fault::NoSuchBucket)?;
        if rules.is_empty() {
            return Err(s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist"));
        }
        Ok(S3Response::new(GetBucketCorsOutput { cors_rules: Some(rules.iter().cloned().map(rule_to_s3).collect()) }))
    }

    async fn delete_bucket_cors(
        &self,
        request: S3Request<DeleteBucketCorsInput>,
    ) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.set_cors(&request.input.bucket, &[])).await?;
        Ok(S3Response::with_status(DeleteBucketCorsOutput::default(), http::StatusCode::NO_CONTENT))
    }
}

fn one_of_many(object: &ObjectIdentifier) -> S3Result<(ObjectKey, Precondition)> {
    download::only_version(object.version_id.as_deref())?;
    if object.size.is_some() || object.last_modified_time.is_some() {
        return Err(s3_error!(NotImplemented, "Of conditional deletes, those by ETag are implemented"));
    }
    let condition = object.e_tag.clone().map(ETagCondition::ETag);
    Ok((ObjectKey::parse(object.key.clone())?, given::precondition(None, condition.as_ref())?))
}

fn failed(key: String, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}

fn rule_from_s3(rule: CORSRule) -> CorsRule {
    CorsRule {
        id: rule.id,
        allowed_origins: rule.allowed_origins,
        allowed_methods: rule.allowed_methods,
        allowed_headers: rule.allowed_headers.unwrap_or_default(),
        expose_headers: rule.expose_headers.unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
    }
}

fn rule_to_s3(rule: CorsRule) -> CORSRule {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    CORSRule {
        id: rule.id,
        allowed_origins: rule.allowed_origins,
        allowed_methods: rule.allowed_methods,
        allowed_headers: some(rule.allowed_headers),
        expose_headers: some(rule.expose_headers),
        max_age_seconds: rule.max_age_seconds.and_then(|seconds| i32::try_from(seconds).ok()),
    }
}
