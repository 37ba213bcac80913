//! What the brokers will not let us do.

use rdkafka::error::RDKafkaErrorCode as Code;

/// True if the broker turned down who we are or what we asked for: trying again helps only once somebody
/// has changed the password or the access rules.
pub const fn refusal(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}
