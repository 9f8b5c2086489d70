public import Causality
public import Wire

/// The routes that write.
extension RESTClient {
    /// Sends a body of `POST /v1/push` or `/v1/resolve`. With an `id` in it, it may be sent again when its answer was
    /// lost: the hub then answers as it did.
    public func write(_ json: [UInt8], to route: WritingRoute, as device: Identifier) throws(ClientError) -> Pushed {
        let answer = try post(["v1", route.rawValue], json: json, fields: [("X-Carillon-Device", device.text)])
        do throws(FrameError) {
            if case .pushed(let pushed) = try HubFrame.decode(answer) { return pushed }
        } catch {
            throw .notHub(url, error.message)
        }
        throw .notHub(url, "it answered a push with another frame.")
    }

    public enum WritingRoute: String, Sendable {
        case push
        case resolve
    }

    /// Registers a device under a new replica, and returns the answer's JSON.
    ///
    /// - Parameter key: chosen once for this registration, 1 to 128 bytes: sent again under it, the request finds the
    ///   registration that it made.
    public func register(_ device: DeviceRequest, key: String) throws(ClientError) -> [UInt8] {
        var json: [UInt8] = []
        device.encode(into: &json)
        return try post(["v1", "devices"], json: json, fields: [("Idempotency-Key", key)])
    }

    /// Removes a device; its sessions end. Nothing happens where there is none.
    public func removeDevice(_ id: Identifier) throws(ClientError) {
        try delete(["v1", "devices", id.text])
    }
}
