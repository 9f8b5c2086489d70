/// What both ends of a connection have agreed on about compression (RFC 7692 7.1).
public struct PerMessageDeflate: Hashable, Sendable {
    /// The extension's name (RFC 7692 7).
    public static let name = "permessage-deflate"

    /// Whether the server, and the client, may refer in a message to the ones before. Then both ends keep a window for
    /// the connection; without, none is kept, and what a server sends is the same bytes for everybody.
    public var serverTakesOver: Bool
    public var clientTakesOver: Bool
    /// The largest windows that they compress with, 2 to the power of 9 to 15 bytes.
    public var serverWindowBits: Int
    public var clientWindowBits: Int

    public init(
        serverTakesOver: Bool = false, clientTakesOver: Bool = false, serverWindowBits: Int = 15,
        clientWindowBits: Int = 15
    ) {
        self.serverTakesOver = serverTakesOver
        self.clientTakesOver = clientTakesOver
        self.serverWindowBits = serverWindowBits
        self.clientWindowBits = clientWindowBits
    }

    func takesOver(_ role: WebSocketRole) -> Bool { role == .server ? serverTakesOver : clientTakesOver }

    func windowBits(_ role: WebSocketRole) -> Int { role == .server ? serverWindowBits : clientWindowBits }
}

/// What a client offers (RFC 7692 7.1).
public struct DeflateOffer: Hashable, Sendable {
    /// What a client says of the window that it compresses with.
    public enum ClientWindow: Hashable, Sendable {
        /// Nothing: the server may not bound it.
        case unsaid
        /// The server may bound it.
        case boundable
        /// It is no larger than this anyway.
        case atMost(Int)
    }

    /// Asks the server not to refer to earlier messages.
    public var serverNoContextTakeover = true
    /// Says that the client will not.
    public var clientNoContextTakeover = true
    /// The largest window that the server may use; nil: any.
    public var serverMaxWindowBits: Int?
    public var clientWindow = ClientWindow.unsaid

    /// Nobody keeps a window.
    public init() {}

    var text: String {
        var text = PerMessageDeflate.name
        if serverNoContextTakeover { text += "; " + DeflateParameters.serverNoContextTakeover }
        if clientNoContextTakeover { text += "; " + DeflateParameters.clientNoContextTakeover }
        if let serverMaxWindowBits { text += "; \(DeflateParameters.serverMaxWindowBits)=\(serverMaxWindowBits)" }
        switch clientWindow {
        case .unsaid: break
        case .boundable: text += "; " + DeflateParameters.clientMaxWindowBits
        case .atMost(let bits): text += "; \(DeflateParameters.clientMaxWindowBits)=\(bits)"
        }
        return text
    }
}

/// The parameters of one offer or answer, each at most once and with a value where it has one.
struct DeflateParameters {
    static let serverNoContextTakeover = "server_no_context_takeover"
    static let clientNoContextTakeover = "client_no_context_takeover"
    static let serverMaxWindowBits = "server_max_window_bits"
    static let clientMaxWindowBits = "client_max_window_bits"

    private(set) var serverNoContextTakeover = false
    private(set) var clientNoContextTakeover = false
    private(set) var serverMaxWindowBits: Int?
    /// `.some(nil)`: it stands there without a value.
    private(set) var clientMaxWindowBits: Int??

    /// RFC 7692 7.1: nil for an unknown parameter, a value that is none of it, or one that stands twice.
    init?(_ offer: ExtensionList.Offer) {
        guard offer.name == PerMessageDeflate.name else { return nil }
        var seen: Set<String> = []
        for (name, value) in offer.parameters {
            guard seen.insert(name).inserted else { return nil }
            switch name {
            case Self.serverNoContextTakeover:
                guard value == nil else { return nil }
                serverNoContextTakeover = true
            case Self.clientNoContextTakeover:
                guard value == nil else { return nil }
                clientNoContextTakeover = true
            case Self.serverMaxWindowBits:
                guard let bits = Self.windowBits(value) else { return nil }
                serverMaxWindowBits = bits
            case Self.clientMaxWindowBits:
                if let value {
                    guard let bits = Self.windowBits(value) else { return nil }
                    clientMaxWindowBits = .some(bits)
                } else {
                    clientMaxWindowBits = .some(nil)
                }
            default: return nil
            }
        }
    }

    /// RFC 7692 7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15".
    private static func windowBits(_ value: String?) -> Int? {
        guard let value, let bits = Int(value), (8...15).contains(bits), value == String(bits) else { return nil }
        return bits
    }
}

extension PerMessageDeflate {
    /// A server's answer to what a client offers: the first offer that it can take, and the answer's text.
    ///
    /// Both ends are told not to refer to earlier messages, be it asked for or not (RFC 7692 7.1.1.1 and 7.1.1.2 let a
    /// server): so nothing is kept for a connection, and a broadcast is compressed once. The client's window is not
    /// bounded: one stream inflates for all, with the largest.
    static func answer(to offers: [ExtensionList.Offer]) -> (setting: PerMessageDeflate, text: String)? {
        for offer in offers {
            guard let wanted = DeflateParameters(offer) else { continue }
            var setting = PerMessageDeflate()
            var text =
                "\(name); \(DeflateParameters.serverNoContextTakeover); \(DeflateParameters.clientNoContextTakeover)"
            if let bits = wanted.serverMaxWindowBits {
                // zlib has no window of 256 bytes, and a larger one is not allowed: the next offer.
                guard bits > 8 else { continue }
                setting.serverWindowBits = bits
                text += "; \(DeflateParameters.serverMaxWindowBits)=\(bits)"
            }
            return (setting, text)
        }
        return nil
    }

    /// What a server's answer to `offer` makes; nil where it is no answer to it (RFC 7692 7.1: the client fails).
    init?(answer: ExtensionList.Offer, to offer: DeflateOffer) {
        guard let told = DeflateParameters(answer) else { return nil }
        if offer.serverNoContextTakeover, !told.serverNoContextTakeover { return nil }
        if let bits = offer.serverMaxWindowBits, (told.serverMaxWindowBits ?? 15) > bits { return nil }
        var clientBits = 15
        if case .atMost(let bits) = offer.clientWindow { clientBits = min(max(bits, 9), 15) }
        if let bounded = told.clientMaxWindowBits {
            // Only with a value, only if offered (RFC 7692 7.1.2.2), and not the one that zlib does not do.
            guard offer.clientWindow != .unsaid, let bits = bounded, bits > 8 else { return nil }
            if case .atMost(let most) = offer.clientWindow, bits > most { return nil }
            clientBits = bits
        }
        self.init(
            serverTakesOver: !told.serverNoContextTakeover,
            clientTakesOver: !told.clientNoContextTakeover && !offer.clientNoContextTakeover,
            // What was made with a window of 8 is inflated with one of 9.
            serverWindowBits: max(told.serverMaxWindowBits ?? 15, 9), clientWindowBits: clientBits)
    }
}
