//! A cloud that gives out keys, or does not, and environments that lead to it.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use reqsign_core::StaticEnv;

use super::*;

/// A cloud that answers each request with `status` and `body`, and says on which address.
async fn cloud(status: StatusCode, body: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback(async move |request: Request| {
        // The metadata service gives its own token, the name of the role, and then the key.
        match request.uri().path() {
            "/latest/api/token" => (StatusCode::OK, "session"),
            "/latest/meta-data/ram/security-credentials/" => (StatusCode::OK, "reader"),
            _ => (status, body),
        }
    });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

/// A chain in an environment.
fn chain(chain: Chain, variables: &[(&str, &str)]) -> Chain {
    let envs: HashMap<_, _> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Chain { context: chain.context.with_env(StaticEnv { home_dir: None, envs }), ..chain }
}

const GIVEN: &str = r#"{"Credentials": {"AccessKeyId": "STS.id", "AccessKeySecret": "secret", "SecurityToken": "token",
    "Expiration": "2026-11-28T04:27:09Z"}}"#;

const OF_NODE: &str = r#"{"AccessKeyId": "STS.node", "AccessKeySecret": "secret", "SecurityToken": "token",
    "Expiration": "2126-11-28T04:27:09Z", "Code": "Success"}"#;

#[tokio::test]
async fn variables_come_first_then_the_role_of_the_service_account() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "jwt\n").unwrap();
    let sts = cloud(StatusCode::OK, GIVEN).await;
    let role = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/reader"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token.path().to_str().unwrap()),
        ("ALIBABA_CLOUD_STS_ENDPOINT", &sts),
    ];
    let key = chain(Chain::of_pod(Family::Aliyun), &role).key().await.unwrap();
    assert_eq!((key.id.as_str(), key.token.as_deref()), ("STS.id", Some("token")));
    assert_eq!(key.ends, Some("2026-11-28T04:27:09Z".parse().unwrap()));
    let variables = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")];
    let both: Vec<_> = role.into_iter().chain(variables).collect();
    assert_eq!(chain(Chain::of_pod(Family::Aliyun), &both).key().await.unwrap().id, "LTAI");
    let variables = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    assert_eq!(chain(Chain::of_pod(Family::Aws), &variables).key().await.unwrap().id, "AKID");
}

#[tokio::test]
async fn the_node_is_asked_only_where_the_job_says_so() {
    let metadata = cloud(StatusCode::OK, OF_NODE).await;
    let variables = [("ALIBABA_CLOUD_ECS_METADATA_SERVICE_ENDPOINT", metadata.as_str())];
    assert_eq!(chain(Chain::of_node(Family::Aliyun), &variables).key().await.unwrap().id, "STS.node");
    let none = chain(Chain::of_pod(Family::Aliyun), &variables).key().await.unwrap_err();
    assert_eq!(
        none,
        "no access key was found in ALIBABA_CLOUD_ACCESS_KEY_ID, a role of the ServiceAccount (RRSA, \
         ALIBABA_CLOUD_OIDC_TOKEN_FILE); name a Secret in storage.secretRef or give the pods an identity"
    );
    let none = chain(Chain::of_pod(Family::Aws), &[]).key().await.unwrap_err();
    assert!(none.contains("AWS_ACCESS_KEY_ID, a profile of AWS, a web identity"), "{none}");
}

#[tokio::test]
async fn a_role_that_fails_ends_the_search_and_shows_no_token() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "jwt-of-the-pod").unwrap();
    let refuses = cloud(StatusCode::FORBIDDEN, r#"{"Code": "AuthenticationFail.NoPermission"}"#).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (sts, file, words) in [
        (refuses.as_str(), token.path().to_str().unwrap(), "AuthenticationFail.NoPermission"),
        (&format!("http://{free}"), token.path().to_str().unwrap(), "no answer"),
        (&refuses, "/nowhere/token", "/nowhere/token cannot be read"),
    ] {
        let variables = [
            ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/reader"),
            ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack"),
            ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", file),
            ("ALIBABA_CLOUD_STS_ENDPOINT", sts),
        ];
        let failure = chain(Chain::of_pod(Family::Aliyun), &variables).key().await.unwrap_err();
        assert!(failure.starts_with("no access key: a role of the ServiceAccount"), "{failure}");
        assert!(failure.contains(words) && !failure.contains("jwt-of-the-pod"), "{failure}");
    }
}
