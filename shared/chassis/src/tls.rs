//! Why a TLS handshake did not end, in words of the field. Pure: (error of the library) → text. The only place that knows
//! the library's errors.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Of a handshake that broke off before a certificate came.
pub fn in_words(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return of_the_connection(error);
    };
    of_the_handshake(tls)
}

fn of_the_handshake(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => alert_in_words(*alert),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            "what it answers is no TLS: does another protocol listen at this port?".to_owned()
        }
        Error::PeerIncompatible(_) => "no common protocol version, cipher suite or group".to_owned(),
        Error::PeerMisbehaved(_) | Error::InappropriateHandshakeMessage { .. } => {
            "the server does not keep to the TLS protocol".to_owned()
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "the server does not prove that it holds the key of its certificate".to_owned()
        }
        Error::InvalidCertificate(_) => "the server's certificate cannot be used".to_owned(),
        Error::PeerSentOversizedRecord => "the server sends a record that is too long".to_owned(),
        other => other.to_string(),
    }
}

/// What broke a connection, wherever in an error it is: the words of the libraries around it say nothing to people.
pub fn cause(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(one) = next {
        let io = one.downcast_ref::<io::Error>();
        let inner = io
            .and_then(|io| io.get_ref())
            .and_then(|inner| inner.downcast_ref::<Error>());
        match one.downcast_ref::<Error>().or(inner) {
            Some(refused @ Error::InvalidCertificate(_)) => {
                return Some(format!(
                    "its certificate is not trusted: {}",
                    of_the_certificate(refused)
                ));
            }
            Some(broken) => return Some(of_the_handshake(broken)),
            None => {}
        }
        let within = io
            .and_then(|io| io.get_ref())
            .map(|inner| inner as &(dyn std::error::Error + 'static));
        next = within.or_else(|| one.source());
        if let (Some(io), None) = (io, next) {
            return Some(of_the_connection(io));
        }
    }
    None
}

/// Why a certificate is not trusted.
pub fn of_the_certificate(error: &Error) -> String {
    let Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "a certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "a certificate is not valid yet".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "it leads to no trusted root: the root is not trusted here, or an intermediate is missing".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for other names".to_owned()
        }
        CertificateError::BadSignature => "a signature in the chain is wrong".to_owned(),
        CertificateError::BadEncoding => "a certificate cannot be read".to_owned(),
        CertificateError::Revoked => "a certificate is revoked".to_owned(),
        CertificateError::UnhandledCriticalExtension => {
            "a certificate has a critical extension that clients do not know".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not made for servers".to_owned()
        }
        // The library says the rest by the names of its own types.
        CertificateError::Other(cause) if format!("{cause:?}").contains("CaUsedAsEndEntity") => {
            "a CA's certificate is used as the server's".to_owned()
        }
        CertificateError::Other(cause) if format!("{cause:?}").contains("UnsupportedCertVersion") => {
            "a certificate is not of X.509 version 3".to_owned()
        }
        CertificateError::Other(_) => "a client cannot use the chain".to_owned(),
        other => other.to_string(),
    }
}

fn of_the_connection(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closes the connection".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the server resets the connection".to_owned(),
        io::ErrorKind::ConnectionRefused => "the connection is refused".to_owned(),
        io::ErrorKind::TimedOut => "it does not answer in time".to_owned(),
        _ => error.to_string(),
    }
}

/// RFC 8446 §6.2.
pub fn alert_in_words(alert: AlertDescription) -> String {
    let plain = match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "no common cipher suite, group or signature"
        }
        AlertDescription::ProtocolVersion => "no common protocol version",
        AlertDescription::UnrecognisedName => "the server has no such name (SNI)",
        AlertDescription::CertificateRequired => "the server wants a client certificate",
        AlertDescription::InternalError => "the server reports an internal error of its own",
        AlertDescription::AccessDenied => "the server denies access",
        other => return format!("the server breaks it off (TLS alert {})", u8::from(other)),
    };
    format!("{plain} (TLS alert {})", u8::from(alert))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_library_comes_through() {
        let of = |error: Error| in_words(&io::Error::new(io::ErrorKind::InvalidData, error));
        for (error, said) in [
            (
                Error::AlertReceived(AlertDescription::HandshakeFailure),
                "no common cipher suite, group or signature (TLS alert 40)",
            ),
            (
                Error::AlertReceived(AlertDescription::BadRecordMac),
                "the server breaks it off (TLS alert 20)",
            ),
            (
                Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
                "what it answers is no TLS: does another protocol listen at this port?",
            ),
        ] {
            assert_eq!(of(error), said);
        }
        let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(in_words(&closed), "the server closes the connection");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("tls error: invalid peer certificate: Other(OtherError([48, 130, 1]))")]
    struct OfAClient(#[source] io::Error);

    #[test]
    fn the_cause_is_found_wherever_it_is() {
        let untrusted = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for error in [
            OfAClient(io::Error::new(io::ErrorKind::InvalidData, untrusted())),
            OfAClient(io::Error::other(OfAClient(io::Error::other(untrusted())))),
        ] {
            let said = cause(&error).expect("a cause");
            assert!(
                said.starts_with("its certificate is not trusted: it leads to no trusted root"),
                "{said}"
            );
        }
        let refused = OfAClient(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(cause(&refused).as_deref(), Some("the connection is refused"));
        assert_eq!(cause(&std::fmt::Error), None);
    }
}
