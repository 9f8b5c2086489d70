internal import ArgumentParser

/// `carillon completions`: what makes a shell complete our command lines.
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a completion script for a shell.",
        discussion: """
            Once, then begin a new shell:

              bash   mkdir -p ~/.local/share/bash-completion/completions
                     carillon completions bash > ~/.local/share/bash-completion/completions/carillon
              zsh    mkdir -p ~/.zfunc; carillon completions zsh > ~/.zfunc/_carillon
                     (with `fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit` in ~/.zshrc)
              fish   carillon completions fish > ~/.config/fish/completions/carillon.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var generated: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        try Output.write(Carillon.completionScript(for: shell.generated) + "\n")
    }
}
