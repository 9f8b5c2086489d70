/// Rows whose cells stand under each other, for people.
enum Columns {
    /// A line for each row, two spaces between its cells. The last cell is as long as it is; a column that is empty in
    /// all rows is left out.
    static func lines(_ rows: [[String]]) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            // Spaces come before a cell, so that none are left behind the last one.
            var space = 0
            for (cell, width) in zip(row, widths) where width > 0 {
                if !cell.isEmpty {
                    line += String(repeating: " ", count: space) + cell
                    space = 0
                }
                space += width - cell.count + 2
            }
            return line
        }
    }
}
