//! The `ImageJob` and `ScalePolicy` types, how they are read, and what makes them valid.
//!
//! * [`ImageJob`], [`ScalePolicy`]: what users write and what they read back, field by field.
//! * [`crds()`]: what an API server has to know about them.
//! * [`document`]: YAML files to typed objects; an error names the file, the field and the way out.
//! * [`validate()`]: a job and its policy merged and checked into a [`ValidatedJob`], after which
//!   nobody reads a raw spec.
//!
//! No cluster, no broker, no clock: everything here is a function of its arguments.

mod access;
mod cel;
pub mod crds;
pub mod document;
mod job;
mod object;
mod policy;
mod policy_status;
mod profile;
mod results;
mod source;
mod status;
mod step;
mod storage;
mod strict;
mod template;
pub mod validate;

pub use access::{BucketAddressing, KafkaAuth, KafkaTls, Mechanism, SecretRef, StoreIdentity};
pub use crds::crds;
pub use job::{
    DeadLetter, Delivery, Dispatcher, ImageJob, ImageJobSpec, LastResort, Override, PolicyRef, RateLimit, Retry,
    Scaling, Worker,
};
pub use object::{API_VERSION, NamespacedName};
pub use policy::{AllowedNamespaces, Behavior, Budget, BudgetAction, ScalePolicy, ScalePolicySpec};
pub use policy_status::{ScalePolicyStatus, TransitionStatus};
pub use profile::{Adjustment, Calendar, ConfigMapRef, Day, Exception, Peak, Profile, Rate, Trim, Volume};
pub use results::{Results, Route};
pub use source::{GroupProtocol, Kafka, MessageFormat, Source, StartPosition};
pub use status::{
    ActiveProfileStatus, BoundaryChange, BoundaryStatus, CandidatesStatus, Condition, ConditionType, DecisionStatus,
    ImageJobStatus, LagStatus, LearningStatus, ReplicaStatus, ScheduleStatus, SpentStatus,
};
pub use step::{
    ChannelOrder, Classify, FailureAction, Fit, Handler, LifecycleCall, ModelFit, ModelInput, ModelRuntime, Payload,
    PictureFormat, Position, Quality, Resize, Step, TensorLayout, Watermark,
};
pub use storage::{SignatureVersion, Storage, StorageType};
pub use template::{PodMetadata, PodTemplate};
pub use validate::{Problem, ValidatedJob, validate, validate_policy};
