//! `deepfix healthcheck`: asks `/readyz` of an admin endpoint, for containers without curl.

use std::time::Duration;

use deepfix_errors::{Error, ErrorCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Outcome, args::HealthArgs};

pub(crate) async fn healthcheck(args: &HealthArgs) -> Outcome {
    let ask = async {
        let mut stream = TcpStream::connect(args.admin).await?;
        stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {}\r\n\r\n", args.admin).as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    match tokio::time::timeout(Duration::from_secs(3), ask).await {
        Ok(Ok(answer)) if answer.split_ascii_whitespace().nth(1) == Some("200") => {
            anstream::println!("ready");
            Ok(0)
        }
        Ok(Ok(answer)) => {
            anstream::println!("not ready: {}", answer.lines().next().unwrap_or_default());
            Ok(1)
        }
        Ok(Err(error)) => {
            anstream::println!("not ready: {error}");
            Ok(1)
        }
        Err(_) => Err(Error::new(ErrorCode::DeadlineExceeded, format!("{} did not answer within 3 s", args.admin))),
    }
}
