internal import Causality
internal import Storage

/// Answers to requests that come again: read with the locks, written with the COMMIT.
extension PostgresTransaction {
    func answer(
        to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError) -> KeptAnswer? {
        let place = GatheredAnswers.Place(space: space, device: device, key: key)
        if let known = answers[place] { return known }
        return try told { () throws(PostgresFailure) in
            try beginIfNeeded()
            let rows = try connection.run(GatheredAnswers.reading, GatheredAnswers.parameters([place]))
            try answers.note(rows, of: [place])
            return answers[place] ?? nil
        }
    }

    func keep(
        _ answer: KeptAnswer, to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError) {
        _ = try lockHead(of: space)
        answers.keep(answer, at: GatheredAnswers.Place(space: space, device: device, key: key))
    }

    /// Into the first pipeline, behind the locks; any number of statements.
    func sendAnswerQueries(_ touched: [TouchedRecords]) throws(PostgresFailure) {
        histories.note(touched)
        let places = GatheredAnswers.places(touched)
        guard !places.isEmpty else { return }
        try connection.send(GatheredAnswers.reading, GatheredAnswers.parameters(places))
    }

    /// What those statements gave, one result each.
    func readAnswers(_ results: [Rows], _ touched: [TouchedRecords]) throws(PostgresFailure) {
        let places = GatheredAnswers.places(touched)
        guard !places.isEmpty else { return }
        guard let rows = results.first else { throw PostgresFailure(kind: .lost, message: "a result is missing.") }
        try answers.note(rows, of: places)
    }

    /// Into the second pipeline, before the COMMIT.
    func sendAnswers() throws(PostgresFailure) { try answers.send(connection) }
}
