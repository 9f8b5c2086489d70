internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Storage

/// `carillon policy`: how concurrent edits of a kind are settled.
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Say how concurrent edits of a kind are settled.",
        discussion: """
            Works on the store itself, also while the hub runs: the next push is settled by it.

              manual  Both are kept, and somebody resolves them. What a kind without a policy has.
              lww     The last writer wins.
              merge   JSON objects are merged field by field against the version that both come from.

              carillon policy set presence lww
              carillon policy set task merge --set tags --counter stats.votes --scalar due
              carillon policy list
              carillon policy clear presence
            """,
        subcommands: [Set.self, List.self, Clear.self])

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set the policy of a kind, in place of the one it has.",
            discussion: """
                A field is a name in the body, or names with dots between for a field of an object in it (write a dot \
                that belongs to a name as \\.). A field that is not declared is merged where only one side changed it; \
                where both did, the later version is the head and the other one stands beside it as a conflict.

                  carillon policy set task merge --set tags --counter stats.votes --scalar due --text title
                """)

        @Argument(help: "The kind.", transform: { try Names.identifier($0, "kind") })
        var kind: Identifier
        @Argument(help: "manual, lww or merge.")
        var policy: String
        @Option(
            name: .customLong("set"),
            help: ArgumentHelp("An array whose elements are added and removed one by one.", valueName: "field"))
        var sets: [String] = []
        @Option(
            name: .customLong("counter"),
            help: ArgumentHelp("A whole number: what both sides added is added up.", valueName: "field"))
        var counters: [String] = []
        @Option(
            name: .customLong("scalar"),
            help: ArgumentHelp("A value of which the later writer's is taken.", valueName: "field"))
        var scalars: [String] = []
        @Option(
            name: .customLong("text"),
            help: ArgumentHelp("A value that is in conflict when both sides changed it.", valueName: "field"))
        var texts: [String] = []
        @OptionGroup var target: StoreOptions

        func validate() throws {
            _ = try parsed()
        }

        func run() throws {
            let policy = try parsed()
            let store = try target.existing()
            do throws(StoreError) {
                try store.setPolicy(policy, for: kind)
            } catch {
                throw CommandFailure(error, "Cannot set the policy")
            }
            print("Concurrent edits of \(kind): \(PolicyCommand.words(policy)).")
        }

        private func parsed() throws -> ConflictPolicy {
            guard let plain = ConflictPolicy(named: policy) else {
                throw ValidationError("There is no policy \"\(policy)\": it is manual, lww or merge.")
            }
            let declared: [(MergeRule.FieldKind, [String])] = [
                (.set, sets), (.counter, counters), (.scalar, scalars), (.text, texts),
            ]
            var fields: [MergeRule.Field] = []
            for (kind, paths) in declared {
                for text in paths {
                    guard let path = FieldPath(text) else {
                        throw ValidationError(
                            "\"\(text)\" is no field: it is names with dots between, none empty, of at most "
                                + "\(FieldPath.bytesMax) bytes.")
                    }
                    fields.append(MergeRule.Field(path, kind))
                }
            }
            guard plain.name == "merge" || fields.isEmpty else {
                throw ValidationError("Fields are declared for the policy merge only, and not for \(policy).")
            }
            guard plain.name == "merge" else { return plain }
            do throws(MergeRuleError) {
                return .merge(try MergeRule(fields))
            } catch {
                throw ValidationError("Cannot merge like this: \(error.sentence).")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the kinds that have a policy.",
            discussion: "  carillon policy list\n  carillon policy list --json | jq .kind")

        @Flag(help: "Print a JSON object for each kind.")
        var json = false
        @OptionGroup var target: StoreOptions

        func run() throws {
            let store = try target.existing()
            let policies: [(key: Identifier, value: ConflictPolicy)]
            do throws(StoreError) {
                policies = try store.policies().sorted { $0.key < $1.key }
            } catch {
                throw CommandFailure(error, "Cannot read the policies")
            }
            var out: [UInt8] = []
            for (kind, policy) in policies {
                if json {
                    PolicyCommand.append(kind, policy, into: &out)
                } else {
                    out += Array("\(kind)  \(PolicyCommand.words(policy))\n".utf8)
                }
            }
            try Output.write(out)
        }
    }

    struct Clear: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a kind's policy away: it is manual again.", discussion: "  carillon policy clear presence")

        @Argument(help: "The kind.", transform: { try Names.identifier($0, "kind") })
        var kind: Identifier
        @OptionGroup var target: StoreOptions

        func run() throws {
            let store = try target.existing()
            let hadOne: Bool
            do throws(StoreError) {
                hadOne = try store.policies()[kind] != nil
                try store.setPolicy(nil, for: kind)
            } catch {
                throw CommandFailure(error, "Cannot clear the policy")
            }
            guard hadOne else {
                throw CommandFailure(
                    .notAccepted, "The kind \(kind) has no policy.", remedy: "See `carillon policy list`.")
            }
            print("Concurrent edits of \(kind): \(PolicyCommand.words(.manual)).")
        }
    }

    private static func words(_ policy: ConflictPolicy) -> String {
        switch policy {
        case .manual, .lastWriterWins: return policy.name
        case .merge(let rule):
            return ([policy.name] + rule.fields.map { "\($0.path.text)=\($0.kind.rawValue)" }).joined(separator: "  ")
        }
    }

    private static func append(_ kind: Identifier, _ policy: ConflictPolicy, into out: inout [UInt8]) {
        out += Array("{\"kind\":".utf8)
        JSONText.append(kind.text, into: &out)
        out += Array(",\"policy\":\"\(policy.name)\"".utf8)
        if case .merge(let rule) = policy {
            out += Array(",\"fields\":[".utf8)
            for (index, field) in rule.fields.enumerated() {
                out += Array((index == 0 ? "{\"field\":" : ",{\"field\":").utf8)
                JSONText.append(field.path.text, into: &out)
                out += Array(",\"as\":\"\(field.kind.rawValue)\"}".utf8)
            }
            out.append(UInt8(ascii: "]"))
        }
        out += Array("}\n".utf8)
    }
}
