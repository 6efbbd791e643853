internal import CCurl

/// Why there is no answer. Never holds a header's value or a body: both may be secret.
package struct HTTPError: Error, Equatable, Sendable {
    package let reason: Reason
    /// False only when no byte of the request can have left this machine. True means that the other
    /// side may have done the work, and charged for it.
    package let requestMayHaveBeenSent: Bool

    package init(reason: Reason, requestMayHaveBeenSent: Bool) {
        self.reason = reason
        self.requestMayHaveBeenSent = requestMayHaveBeenSent
    }

    package enum Reason: Equatable, Sendable {
        /// Not an absolute `http` or `https` URL, or one with a password in it.
        case badURL
        /// A method or header that cannot be written: a control character, or no name. Only the
        /// name is kept.
        case badRequest(String)
        case cannotResolve
        /// The errno of the last address tried; 0 when none is known.
        case cannotConnect(errno: Int32)
        case tls(TLSFailure)
        case timedOut(Phase)
        case responseTooLarge(limitBytes: Int)
        /// The connection ended before the answer did.
        case connectionLost(bytesReceived: Int)
        /// What came is not HTTP as we read it. The text is curl's, and constant.
        case protocolViolation(String)
        /// The task was cancelled.
        case cancelled
        /// `shutdown()` was called before or meanwhile.
        case shutDown
        /// `HTTPClientOptions.inFlightMax` requests are under way.
        case tooManyInFlight
        /// This libcurl cannot do what we rely on, or has failed inside. The text is constant.
        case library(String)
    }

    package enum TLSFailure: Equatable, Sendable {
        case expired
        case wrongHost
        /// Signed by nobody we trust, or by itself.
        case untrusted
        case certificateAuthoritiesUnreadable
        /// No common version or cipher, or a broken handshake. The text is curl's, and constant.
        case handshake(String)
    }

    package enum Phase: Equatable, Sendable {
        /// Name, connection or TLS: `HTTPLimits.connect`.
        case connect
        /// Silence before the answer began: `HTTPLimits.stall`.
        case firstByte
        /// Silence in the middle of the answer: `HTTPLimits.stall`.
        case stall
        /// `HTTPLimits.deadline`.
        case total
    }
}

extension HTTPError: CustomStringConvertible {
    package var description: String {
        "\(sentence) (request \(requestMayHaveBeenSent ? "may have been sent" : "not sent"))"
    }

    private var sentence: String {
        switch reason {
        case .badURL: "the URL is not an absolute http or https URL"
        case .badRequest(let name): "\(name) cannot be written in a request"
        case .cannotResolve: "the host's name does not resolve"
        case .cannotConnect(let errno): "no connection: errno \(errno)"
        case .tls(let failure): "TLS: \(failure)"
        case .timedOut(let phase): "time is over: \(phase)"
        case .responseTooLarge(let limit): "the answer is larger than \(limit) bytes"
        case .connectionLost(let bytes): "the connection was lost after \(bytes) bytes of answer"
        case .protocolViolation(let text): "not understood: \(text)"
        case .cancelled: "cancelled"
        case .shutDown: "the client is shut down"
        case .tooManyInFlight: "too many requests in flight"
        case .library(let text): "libcurl: \(text)"
        }
    }
}

extension HTTPError.Reason {
    /// What a finished transfer's code means. The corresponding C type is `CURLcode`.
    ///
    /// - Parameter transfer: Asked for what the code alone does not tell.
    init(_ code: CURLcode, of transfer: borrowing EasyHandle, bytesReceived: Int, limit: Int) {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED:
            self = .badURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            self = .cannotResolve
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED:
            self = .cannotConnect(errno: Int32(truncatingIfNeeded: transfer[CURLINFO_OS_ERRNO]))
        case CURLE_PEER_FAILED_VERIFICATION:
            self = .tls(HTTPError.TLSFailure(verifyResult: transfer[CURLINFO_SSL_VERIFYRESULT]))
        case CURLE_SSL_CACERT_BADFILE:
            self = .tls(.certificateAuthoritiesUnreadable)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            self = .tls(.handshake(code.text))
        case CURLE_OPERATION_TIMEDOUT:
            // The only limit that curl keeps; see `Transfer.prepare`.
            self = .timedOut(.connect)
        case CURLE_FILESIZE_EXCEEDED:
            self = .responseTooLarge(limitBytes: limit)
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE,
            CURLE_HTTP2_STREAM:
            self = .connectionLost(bytesReceived: bytesReceived)
        // Not the URL's protocol, which is checked before: an answer without a status line.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2,
            CURLE_BAD_CONTENT_ENCODING:
            self = .protocolViolation(code.text)
        default:
            self = .library(code.text)
        }
    }
}

extension HTTPError.TLSFailure {
    /// - Parameter verifyResult: OpenSSL's `X509_V_ERR_…`. Where the chain was good and curl's
    ///   own check of the host failed it is what curl starts with, "unspecified", or 0.
    fileprivate init(verifyResult: Int) {
        self =
            switch verifyResult {
            case 0, X509.unspecified, X509.hostMismatch, X509.addressMismatch: .wrongHost
            case X509.hasExpired, X509.notYetValid: .expired
            default: .untrusted
            }
    }

    /// From OpenSSL's `x509_vfy.h`, where they are part of its promised interface.
    private enum X509 {
        static let unspecified = 1
        static let notYetValid = 9
        static let hasExpired = 10
        static let hostMismatch = 62
        static let addressMismatch = 64
    }
}

extension CURLcode {
    /// The corresponding C function is `curl_easy_strerror`; its texts are constants.
    var text: String { unsafe String(cString: curl_easy_strerror(self)) }
}
