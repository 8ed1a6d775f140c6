//! Telling somebody outside something, once. Nothing that they answer is read, and nowhere that they point to is gone.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, Method, Uri};
use url::Url;

use super::{Upstreams, connection::Connections};

impl Upstreams {
    /// Posts a text to an address that the deployment names.
    ///
    /// # Errors
    /// When nobody took it: why, for operators.
    pub(crate) async fn call_back(&self, url: &Url, headers: HeaderMap, text: String) -> Result<(), String> {
        let address = url.as_str().parse::<Uri>().map_err(|_| "no address".to_owned())?;
        let connections = Connections::new(Arc::clone(&self.dialer), address)?;
        let asked = connections.ask(Method::POST, headers, text.into());
        let answer = tokio::time::timeout(WAIT, asked).await.map_err(|_| "no answer in time".to_owned())?;
        match answer.map_err(|fault| fault.to_string())?.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("answered {status}")),
        }
    }
}

const WAIT: Duration = Duration::from_secs(10);
