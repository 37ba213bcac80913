//! A store that speaks S3 and checks signatures: a real server over a folder, in threads of its own. It ends
//! with its value.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The region that signatures name.
pub const REGION: &str = "us-east-1";
/// The key that the store knows.
pub const ACCESS_KEY_ID: &str = "AKIDOFTHESTORY";
/// What belongs to the key.
pub const SECRET_ACCESS_KEY: &str = "secret-of-the-story";

/// A running store.
pub struct S3 {
    address: SocketAddr,
    folder: TempDir,
    /// None once it ends.
    runtime: Option<Runtime>,
}

impl S3 {
    /// A store with one empty bucket, on a free port of this host.
    pub fn start(bucket: &str) -> anyhow::Result<Self> {
        Self::listen("127.0.0.1:0", bucket, &std::env::temp_dir())
    }

    /// The same at an address of your choice, for clients on other hosts, with its files somewhere
    /// below `parent`.
    pub fn listen(address: &str, bucket: &str, parent: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("imagejob-s3-").tempdir_in(parent)?;
        std::fs::create_dir(folder.path().join(bucket))?;
        let files = s3s_fs::FileSystem::new(folder.path()).map_err(|error| anyhow!("no store: {error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        runtime.spawn(serve(listener, service.build()));
        Ok(Self { address, folder, runtime: Some(runtime) })
    }

    /// Where it listens, as a job's `storage.endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder of a bucket: its files are the objects.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // Whoever still talks to the store is cut off. Nothing is waited for: stories with a runtime of their
        // own must not block.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// The files that a Secret with this key is mounted as.
pub fn write_secret(directory: &Path, access_key_id: &str, secret_access_key: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join("accessKeyId"), access_key_id)?;
    std::fs::write(directory.join("secretAccessKey"), format!("{secret_access_key}\n"))
}

async fn serve(listener: TcpListener, service: S3Service) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            // A client that hangs up is its own matter.
            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await.ok();
        });
    }
}
