package import Contract
package import Options

/// What is put to a model. The gateway makes words of it.
package struct Question: Sendable {
    package let form: Form
    /// The only numbers that an answer may use.
    package let facts: Facts
    /// What may be chosen, numbered from 1; empty where the model draws up legs of its own.
    package let candidates: [Candidate]
    /// What the user typed: data, never instructions.
    package let intent: String
    /// The words may be an attack: the model is told so.
    package let isSuspect: Bool
    package let outputTokensMax: Int

    /// How a model is asked.
    package enum Form: Hashable, Sendable, CaseIterable {
        /// It chooses from the menu, in as few words as there are.
        case menuFast
        /// It chooses, and explains.
        case menuFull
        /// It draws up legs of its own: `"mode":"custom"`.
        case freeForm

        init(_ request: GenerateRequest) {
            self =
                request.mode == .custom
                ? .freeForm : request.detail == .full ? .menuFull : .menuFast
        }

        /// Tokens of an answer, a model's own thoughts apart: the most, and the least that can hold
        /// one.
        package var answerTokens: (least: Int, most: Int) {
            switch self {
            case .menuFast: (40, 60)
            case .menuFull: (120, 350)
            case .freeForm: (600, .max)
            }
        }
    }
}

/// What is known of a question before there is a menu: enough to say what asking it may cost.
package struct Outline: Sendable {
    package let form: Question.Form
    package let intent: String
    package let outputTokensMax: Int
}

/// A question as the gateway wrote it down.
package struct PreparedCall: Sendable {
    package let form: Question.Form
    package let outputTokensMax: Int
    /// The gateway's own; nobody else reads it.
    package let prompt: [UInt8]
    /// What was wrong with the answer before; empty the first time.
    package private(set) var complaints: [String] = []

    package init(_ question: Question, prompt: [UInt8]) {
        form = question.form
        outputTokensMax = question.outputTokensMax
        self.prompt = prompt
    }

    package enum Limits {
        /// What was wrong, in so many lines of so many characters: the rest follows from it.
        package static let complaintsMax = 3
        package static let complaintCharactersMax = 160
    }

    /// The same, naming what was wrong with the answer before.
    func complaining(_ defects: [String]) -> PreparedCall {
        var call = self
        call.complaints = defects.prefix(Limits.complaintsMax).map {
            String($0.prefix(Limits.complaintCharactersMax))
        }
        return call
    }
}

extension Question {
    /// - Parameter outputTokensMax: `MAX_TOKENS`.
    package init(
        _ request: GenerateRequest,
        _ facts: Facts,
        _ candidates: [Candidate],
        isSuspect: Bool = false,
        outputTokensMax: Int
    ) {
        form = Form(request)
        self.facts = facts
        self.candidates = candidates
        intent = request.intent
        self.isSuspect = isSuspect
        self.outputTokensMax = min(outputTokensMax, form.answerTokens.most)
    }

    init(_ proposed: Proposed, _ expiries: [CivilDate], outputTokensMax: Int) {
        let request = proposed.world.request
        let isFree = Form(request) == .freeForm
        self.init(
            request,
            Facts(of: proposed.world, expiries: isFree ? expiries : []),
            isFree ? [] : proposed.menu.candidates,
            isSuspect: proposed.world.isSuspect,
            outputTokensMax: outputTokensMax
        )
    }

    /// What was known of it before there was a menu.
    package var outline: Outline {
        Outline(form: form, intent: intent, outputTokensMax: outputTokensMax)
    }
}
