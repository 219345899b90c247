//! HTTP: one request, bounded in time and size, no redirects.

use std::cell::OnceCell;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Method};

use crate::declaration::{ErrorClass, Failure};
use crate::world::{Touch, Wait, Web, WebRequest, WebResponse};

/// The most bytes of a response's body.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The HTTP client, built when it is first needed.
#[derive(Default)]
pub(super) struct LiveWeb(OnceCell<Client>);

impl LiveWeb {
    fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).build();
        let client = client.map_err(|error| Failure::new(ErrorClass::Refused, format!("no HTTP client: {error}")))?;
        Ok(self.0.get_or_init(|| client))
    }

    /// Sends a request and gathers its response.
    pub(super) async fn fetch(&self, request: &WebRequest) -> Touch<WebResponse> {
        let method = Method::from_bytes(request.method.as_bytes());
        let method =
            method.map_err(|_| Failure::new(ErrorClass::Refused, format!("`{}` is no HTTP method", request.method)))?;
        let mut building =
            self.client()?.request(method, &request.url).timeout(request.bound).body(request.body.clone());
        for (name, value) in &request.headers {
            building = building.header(name, value);
        }
        let mut response = building.send().await.map_err(|error| failure(&request.url, request.bound, &error))?;
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let mut answer =
            WebResponse { status: response.status().as_u16(), headers: headers.collect(), body: Vec::new() };
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&request.url, request.bound, &error))? {
            if answer.body.len() + chunk.len() > MAX_BODY {
                let message = format!("the response of `{}` is larger than {MAX_BODY} bytes", request.url);
                return Err(Failure::new(ErrorClass::Malformed, message));
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

fn failure(url: &str, bound: Duration, error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::new(ErrorClass::Refused, format!("`{url}` cannot be asked: {error}"));
    }
    if error.is_timeout() {
        let bound = crate::value::format_duration(bound);
        return Failure::new(ErrorClass::Timeout, format!("`{url}` did not answer within {bound}"));
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    // Nothing was sent where no connection came about.
    let class = if error.is_connect() { ErrorClass::NoResponders } else { ErrorClass::Disconnected };
    Failure::new(class, format!("`{url}` cannot be reached: {cause}"))
}

impl Web for LiveWeb {
    fn send<'a>(&'a self, request: &'a WebRequest) -> Wait<'a, Touch<WebResponse>> {
        Box::pin(self.fetch(request))
    }
}
