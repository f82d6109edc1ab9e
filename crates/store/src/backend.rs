//! The operations of S3, as `s3s` hands them over once a signature holds. All others answer `NotImplemented`.

use crate::cors::{self, CorsRule};
use crate::download::{self, timestamp};
use crate::fault::{Fault, blocking};
use crate::key::ObjectKey;
use crate::limits;
use crate::list_answer::{self, owner};
use crate::upload;
use crate::vault::{Address, Vault};
use s3s::dto::{
    Bucket, BucketLocationConstraint, CORSRule, CreateBucketInput, CreateBucketOutput, DeleteBucketCorsInput,
    DeleteBucketCorsOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error, GetBucketCorsInput, GetBucketCorsOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, PutBucketCorsInput, PutBucketCorsOutput,
    PutObjectInput, PutObjectOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
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
        if input.version_id.as_ref().is_some_and(|version| version != "null") {
            return Err(s3_error!(NotImplemented, "This store keeps one version of an object"));
        }
        if input.if_match.is_some() || input.if_match_size.is_some() || input.if_match_last_modified_time.is_some() {
            return Err(s3_error!(NotImplemented, "Conditional deletes are not implemented"));
        }
        let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
        self.vault.delete(at).await?;
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
            let conditional = object.e_tag.is_some() || object.size.is_some() || object.last_modified_time.is_some();
            let versioned = object.version_id.as_ref().is_some_and(|version| version != "null");
            let parsed = if conditional || versioned {
                Err(s3_error!(NotImplemented, "Versions and conditions are not implemented"))
            } else {
                ObjectKey::parse(object.key.clone()).map_err(S3Error::from)
            };
            match parsed {
                Ok(key) => keys.push(key),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: error.message().map(str::to_owned),
                    version_id: None,
                }),
            }
        }
        let quiet = delete.quiet.unwrap_or(false);
        let deleted = if quiet { Vec::new() } else { keys.clone() };
        self.vault.delete_all(bucket, keys).await?;
        let deleted =
            deleted.into_iter().map(|key| DeletedObject { key: Some(key.into_string()), ..Default::default() });
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted.collect()),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        }))
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
