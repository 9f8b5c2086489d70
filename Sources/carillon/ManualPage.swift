/// A manual page of section 1, in the man macros (man(7)), from the commands' help.
struct ManualPage {
    private let root: HelpDump.Command
    private let version: String

    init(_ root: HelpDump.Command, version: String) {
        self.root = root
        self.version = version
    }

    var text: String {
        let name = root.commandName
        var page = """
            .TH \(name.uppercased()) 1 "" "\(name) \(ManualPage.escaped(version))" "User Commands"
            .SH NAME
            \(name) \\- \(ManualPage.escaped(root.abstract ?? ""))
            .SH SYNOPSIS
            .B \(name)
            .I command
            .RI [ option ...\\&]
            .SH DESCRIPTION

            """
        page += ManualPage.paragraphs(root.discussion ?? "")
        page += ".SH COMMANDS\n"
        for command in shown(root.subcommands) { page += section(command, path: [name]) }
        page += """
            .SH ENVIRONMENT
            .TP
            .B CARILLON_URL, CARILLON_KEY, CARILLON_DEVICE
            Stand in for \\-\\-url, \\-\\-key and \\-\\-device.
            .TP
            .B CARILLON_CA, CARILLON_PIN, CARILLON_CERT, CARILLON_CERT_KEY
            Stand in for \\-\\-ca, \\-\\-pin, \\-\\-cert and \\-\\-cert\\-key, for a hub that speaks TLS.
            .TP
            .B CARILLON_CONFIG, CARILLON_PROFILE
            Stand in for \\-\\-config and \\-\\-profile.
            .SH FILES
            .TP
            .I ~/.config/carillon/config.toml
            url, key and device, and tables [profile.NAME] of others. See
            .BR "carillon config" .
            .TP
            .I ~/.local/state/carillon/
            Where tails keep their cursors.

            """
        return page
    }

    private func section(_ command: HelpDump.Command, path: [String]) -> String {
        let path = path + [command.commandName]
        let children = shown(command.subcommands)
        var text = ".SS \"\(ManualPage.escaped(path.joined(separator: " ")))\"\n"
        text += ManualPage.paragraphs(command.abstract ?? "")
        let arguments = (command.arguments ?? []).filter { $0.shouldDisplay != false && !isCommon($0) }
        if children.isEmpty {
            text += ".PP\n.B \(ManualPage.escaped(path.joined(separator: " ")))\n"
            for argument in arguments { text += synopsis(argument) + "\n" }
        }
        text += ManualPage.paragraphs(command.discussion ?? "")
        for argument in arguments { text += entry(argument) }
        return text + children.map { section($0, path: path) }.joined()
    }

    /// `--help` and `--version` stand with every command and say nothing about it.
    private func isCommon(_ argument: HelpDump.Argument) -> Bool {
        (argument.names ?? []).contains { $0.name == "help" || $0.name == "version" }
    }

    private func shown(_ commands: [HelpDump.Command]?) -> [HelpDump.Command] {
        (commands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
    }

    private func synopsis(_ argument: HelpDump.Argument) -> String {
        let repeats = argument.isRepeating ? "..." : ""
        let inner = "\(usage(argument))\(repeats)"
        return argument.isOptional || argument.kind == "flag" ? "[\(inner)]" : inner
    }

    private func usage(_ argument: HelpDump.Argument) -> String {
        let value = ManualPage.escaped(argument.valueName ?? "value")
        let names = argument.names ?? []
        let name = ManualPage.escaped((names.first { $0.kind == "long" } ?? names.first)?.text ?? "")
        switch argument.kind {
        case "positional": return "\\fI\(value)\\fR"
        case "flag": return "\\fB\(name)\\fR"
        default: return "\\fB\(name)\\fR \\fI\(value)\\fR"
        }
    }

    private func entry(_ argument: HelpDump.Argument) -> String {
        var text = ".TP\n\(usage(argument))\n"
        var told = argument.abstract ?? ""
        if let values = argument.allValues, !values.isEmpty { told += " One of \(values.joined(separator: ", "))." }
        if let value = argument.defaultValue, !value.isEmpty { told += " Default: \(value)." }
        text += ManualPage.line(told.isEmpty ? "\u{a0}" : told) + "\n"
        return text
    }

    /// Blank lines part paragraphs; indented lines stand as they are.
    private static func paragraphs(_ source: String) -> String {
        var text = ""
        var isLiteral = false
        var isFresh = true
        for part in source.split(separator: "\n", omittingEmptySubsequences: false) {
            let isIndented = part.hasPrefix("  ")
            if isIndented != isLiteral, !part.isEmpty {
                text += isIndented ? ".PP\n.nf\n" : ".fi\n"
                isLiteral = isIndented
                isFresh = !isIndented
            }
            if part.isEmpty {
                if isLiteral { text += ".fi\n" }
                (isLiteral, isFresh) = (false, true)
                continue
            }
            if isFresh, !isLiteral { text += ".PP\n" }
            isFresh = false
            text += line(String(part)) + "\n"
        }
        return text + (isLiteral ? ".fi\n" : "")
    }

    /// A line that begins with a dot or a quote would be a request to roff.
    private static func line(_ text: String) -> String {
        let safe = escaped(text)
        return safe.hasPrefix(".") || safe.hasPrefix("'") ? "\\&" + safe : safe
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("'", with: "\\(aq")
            .replacing("…", with: "...").replacing("\u{a0}", with: "\\ ")
    }
}
