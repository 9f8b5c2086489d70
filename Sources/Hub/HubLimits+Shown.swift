internal import Wire

/// The limits that whoever runs a hub may set, as `GET /v1/status` shows them.
extension HubLimits {
    var shown: [(name: String, value: Int)] {
        [
            ("connections_max", connectionsMax), ("connections_per_address_max", connectionsPerAddressMax),
            ("connections_per_key_max", connectionsPerKeyMax),
            ("new_connections_per_second_max", newConnectionsPerSecondMax),
            ("new_connections_per_second_of_address_max", newConnectionsPerSecondOfAddressMax),
            ("requests_in_flight_max", requestsInFlightMax),
            ("requests_in_flight_per_key_max", requestsInFlightPerKeyMax),
            ("requests_per_second_per_key_max", requestsPerSecondPerKeyMax),
            ("changes_per_second_of_device_max", changesPerSecondOfDeviceMax), ("login_tries_free", loginTriesFree),
            ("streams_per_user_max", streamsPerUserMax), ("handshake_seconds", handshakeSeconds),
            ("head_seconds", headSeconds), ("hello_seconds", helloSeconds), ("request_seconds", requestSeconds),
            ("body_progress_seconds", bodyProgressSeconds), ("idle_seconds", idleSeconds),
            ("head_bytes_max", headBytesMax), ("request_body_bytes_max", requestBodyBytesMax),
            ("outbox_bytes_max", outboxBytesMax), ("outboxes_bytes_max", outboxesBytesMax),
            ("input_bytes_max", inputBytesMax), ("lane_bytes_max", laneBytesMax), ("lane_pushes_max", lanePushesMax),
        ]
    }

    /// Appends them as an object.
    func encodeShown(into out: inout [UInt8]) {
        out += Array("{".utf8)
        for (index, field) in shown.enumerated() {
            out += Array("\(index > 0 ? "," : "")\"\(field.name)\":\(field.value)".utf8)
        }
        out += Array("}".utf8)
    }
}
