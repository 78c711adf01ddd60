//! Findings: everything a verification has to say, each with a stable code that can be looked up.

use std::fmt;

use serde::Serialize;

use crate::id::{EventId, LeafIndex};

/// How one thing came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Checked and wrong.
    Fail,
    /// Could not be found out with what is there; never counts as right.
    Indeterminate,
    /// Something that the reader should know; changes no verdict.
    Info,
    /// Checked and right.
    Pass,
}

impl Outcome {
    /// `pass`, `fail`, `indeterminate`, `info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Indeterminate => "indeterminate",
            Self::Info => "info",
            Self::Pass => "pass",
        }
    }
}

/// The record that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventRef {
    /// Its place in the log.
    pub index: LeafIndex,
    /// The event's id, if the record could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    pub code: Code,
    /// How it came out.
    pub outcome: Outcome,
    /// The record that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
    /// The clause of the agreement that it bears on.
    pub clause: &'static str,
    /// The facts, for people; no personal data.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Finding {
    /// A finding about the bundle as a whole.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, outcome: code.outcome(), event: None, clause: code.clause(), detail: detail.into() }
    }

    /// A finding about one record.
    #[must_use]
    pub fn about(mut self, index: LeafIndex, id: Option<EventId>) -> Self {
        self.event = Some(EventRef { index, id });
        self
    }
}

/// Declares the closed list of codes: the one table behind findings and `ledger-audit explain`.
macro_rules! codes {
    ($($name:ident = $slug:literal, $outcome:ident, $clause:literal, $en:literal, $ru:literal, $kk:literal, $explanation:literal;)*) => {
        /// What can be found. A code keeps its meaning for ever; a new meaning gets a new code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $en] #[doc = ""] #[doc = $explanation] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The text of the code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// What a finding of this code always comes to.
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$name => Outcome::$outcome,)* }
            }

            /// The clause of the agreement that it bears on.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause,)* }
            }

            /// A short title in English.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            /// A short title in Russian.
            pub const fn title_ru(self) -> &'static str {
                match self { $(Self::$name => $ru,)* }
            }

            /// A short title in Kazakh.
            pub const fn title_kk(self) -> &'static str {
                match self { $(Self::$name => $kk,)* }
            }

            /// What it means and what to do, in English.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $explanation,)* }
            }
        }
    };
}

codes! {
    // The file.
    ContainerDamaged = "container-damaged", Fail, "5.3.9",
        "the file is damaged or not in its one spelling", "файл повреждён", "файл бүлінген",
        "A header of the ZIP is not the one that a bundle has at the byte given, or the file is cut or longer than it should be. Somebody changed the file, or it was damaged on the way. Get it again.";
    EntryDamaged = "entry-damaged", Fail, "5.3.9",
        "a file in the bundle does not have its checksum", "контрольная сумма файла не сходится", "файлдың бақылау сомасы сәйкес емес",
        "The content of the named file was changed after the bundle was written. The findings after this one say what that does to the evidence.";
    ManifestInvalid = "manifest-invalid", Fail, "5.3.9",
        "a file of the bundle's own is missing or not of its format", "служебный файл отсутствует или не по формату", "қызметтік файл жоқ немесе пішімі бұзылған",
        "bundle.json, ledger/streams.json, ledger/inclusion.bin or a leaf's name is not as docs/FORMAT.md demands, so the bundle cannot be read further.";
    ManifestDiffers = "manifest-differs", Fail, "5.3.9",
        "bundle.json contradicts the ledger", "bundle.json противоречит журналу", "bundle.json журналға қайшы",
        "bundle.json names another ledger, genesis, size or document than the trust directory, the checkpoint and the records do.";
    FileDigest = "file-digest", Fail, "5.3.9",
        "a file does not have the digest that bundle.json gives", "хеш файла не совпадает", "файл хеші сәйкес емес",
        "The file or bundle.json was changed after the bundle was written.";
    FileUnlisted = "file-unlisted", Fail, "5.3.9",
        "a file is not listed in bundle.json, or a listed one is missing", "файл не указан или отсутствует", "файл тізімде жоқ немесе өзі жоқ",
        "Every file of a bundle is listed with its digest; one too many or too few means that somebody repacked it.";
    FilesVerified = "files-verified", Pass, "5.3.9",
        "all files have their digests", "хеши всех файлов совпадают", "барлық файл хештері сәйкес",
        "Every byte of the file is accounted for and every file has the SHA-256 that bundle.json gives.";
    PayloadFile = "payload-file", Fail, "5.3.9",
        "a payload's file has a name that is not its own", "имя файла вложения не его", "тіркеме файлының аты өзінікі емес",
        "The name of a payload's file follows from its record and slot, so that one document cannot be shown under the name of another.";
    // The log.
    GenesisMismatch = "genesis-mismatch", Fail, "5.3.9",
        "the bundle is of another ledger than the one trusted", "это другой журнал", "бұл басқа журнал",
        "The first record does not have the hash that the trust directory pins. Either the trust directory is of another ledger or somebody made up a ledger of his own.";
    GenesisInvalid = "genesis-invalid", Fail, "5.3.9",
        "the first record contradicts the trust directory", "первая запись противоречит доверенным данным", "бірінші жазба сенімді деректерге қайшы",
        "The genesis cannot be read, or its origin or log key is not the one that the trust directory pins.";
    GenesisVerified = "genesis-verified", Pass, "5.3.9",
        "it is the ledger that is trusted", "это доверенный журнал", "бұл сенімді журнал",
        "Hash of the first record, origin and log key are those of the trust directory.";
    CheckpointInvalid = "checkpoint-invalid", Fail, "5.3.9",
        "the checkpoint is not signed by the ledger's key", "контрольная точка не подписана ключом журнала", "бақылау нүктесіне журнал кілтімен қол қойылмаған",
        "The signed note is malformed, of another log, or its signature does not verify with the trusted log key: it is forged or was changed.";
    CheckpointVerified = "checkpoint-verified", Pass, "5.3.9",
        "the checkpoint is signed by the ledger's key", "контрольная точка подписана ключом журнала", "бақылау нүктесіне журнал кілтімен қол қойылған",
        "The operator's signature holds over size and root of the log: it cannot be taken back.";
    InclusionFailed = "inclusion-failed", Fail, "5.3.9",
        "the records shown are not in the log", "показанных записей нет в журнале", "көрсетілген жазбалар журналда жоқ",
        "The proof does not lead from the records to the signed root: a record was changed, added or moved, or the proof is of another log.";
    InclusionVerified = "inclusion-verified", Pass, "5.3.9",
        "all records shown are in the log at their places", "все записи стоят в журнале на своих местах", "барлық жазбалар журналда өз орнында",
        "One proof leads from all records shown to the root that the operator signed.";
    SealInvalid = "seal-invalid", Fail, "5.3.9",
        "the seal is not that of the checkpoint", "пломба не от этой контрольной точки", "пломба осы бақылау нүктесінікі емес",
        "The last leaf must be a seal that names this genesis and its own place; an older seal, a seal of another ledger or none proves nothing about completeness.";
    SealVerified = "seal-verified", Pass, "5.3.9",
        "the last leaf is the seal of the checkpoint", "последняя запись - пломба контрольной точки", "соңғы жазба - бақылау нүктесінің пломбасы",
        "The seal commits to the map of all streams, so that what was left out would show.";
    // Completeness.
    StreamIncomplete = "stream-incomplete", Fail, "5.3.7",
        "the records shown are not all records of the stream", "показаны не все записи", "барлық жазба көрсетілмеген",
        "Number and root of the positions do not give what the sealed map holds for the stream: a record was left out, added or exchanged, or the map proof is of another map.";
    StreamForeignLeaf = "stream-foreign-leaf", Fail, "5.3.7",
        "a record of another subject stands in the stream", "в ленте чужая запись", "тізбекте бөтен жазба тұр",
        "A shown position of the stream holds a record that does not name the stream.";
    StreamOmitsRecord = "stream-omits-record", Fail, "5.3.7",
        "a record names the stream and stands in none of its positions", "запись пропущена в ленте", "жазба тізбекте өткізіп жіберілген",
        "The log holds the record, it names the stream, and the sealed map does not count it: the operator hid it from the stream. The bundle proves that against the operator's own signature.";
    StreamOrder = "stream-order", Fail, "5.3.7",
        "positions of the stream are out of order or contradict each other", "позиции ленты не по порядку", "тізбек орындарының реті бұзылған",
        "Positions strictly increase; each is shown as a leaf or withheld with its hash, never both or neither.";
    StreamMissing = "stream-missing", Indeterminate, "5.3.7",
        "a stream that the question needs is not in the bundle", "нет полной ленты", "толық тізбек жоқ",
        "Without the complete stream of the document, of each of its deliveries and of each signing certificate and key nobody can say that nothing was left out. Ask the operator for a new export.";
    StreamWithheld = "stream-withheld", Indeterminate, "5.3.7",
        "records of the stream are withheld", "часть записей ленты не показана", "тізбек жазбаларының бір бөлігі көрсетілмеген",
        "Their number and hashes are proven and their content is not shown, so something that changes the answer (a withdrawal, a compromise notice) may be among them.";
    StreamComplete = "stream-complete", Pass, "5.3.7",
        "the stream is complete", "лента полна", "тізбек толық",
        "All records that name the subject up to the checkpoint are shown, as the sealed map proves.";
    // Records.
    RecordMalformed = "record-malformed", Fail, "5.3.9",
        "a leaf is not a record of this format", "запись не по формату", "жазба пішімге сай емес",
        "A shown leaf is not canonical, not of the closed schema, or not an event that this version knows.";
    RecordStreams = "record-streams", Fail, "5.3.9",
        "a record names other streams than its data demand", "запись указывает не те ленты", "жазба басқа тізбектерді атайды",
        "The streams of a record are a fixed function of its data; another list would hide the record from a subject.";
    RecordOrder = "record-order", Fail, "5.3.9",
        "times decrease along the log", "время в журнале идёт назад", "журналдағы уақыт кері жүреді",
        "The time of a record is never before that of a record in front of it, nor after the seal: the record was backdated or post-dated.";
    RecordDoubled = "record-doubled", Fail, "5.3.9",
        "two records have the same event id", "два события с одним идентификатором", "екі оқиғаның идентификаторы бірдей",
        "An event id is unique in the ledger.";
    ChainBroken = "chain-broken", Fail, "5.3.9",
        "a record does not follow the one before it in its home stream", "цепочка записей разорвана", "жазбалар тізбегі үзілген",
        "seq and prev of a record must continue the record before it in the home stream, and the first must name this ledger's genesis: a record was dropped, swapped, or taken from another ledger.";
    RecordsVerified = "records-verified", Pass, "5.3.9",
        "all records are of the format and linked", "все записи по формату и связаны", "барлық жазба пішімге сай және байланысқан",
        "Every record is canonical, of a known type, names the right streams, and is linked to the one before it.";
    // Payloads and names.
    PayloadMismatch = "payload-mismatch", Fail, "9.15",
        "a payload is not the one that the record commits to", "содержимое не то, что зафиксировано", "мазмұн тіркелгенге сай емес",
        "Content or salt differ from what was fixed when the event was recorded: the content was changed.";
    PayloadMissing = "payload-missing", Fail, "9.15",
        "a payload is missing", "содержимое отсутствует", "мазмұн жоқ",
        "The record commits to content that is not in the bundle, and no lawful erasure is shown. Without proof of erasure, missing counts as tampering.";
    PayloadWithheld = "payload-withheld", Info, "9.15",
        "a payload of a record about something else is not shown", "содержимое чужой записи не показано", "басқа жазбаның мазмұны көрсетілмеген",
        "The record is shown only to prove completeness; its content does not bear on this document or names a person.";
    PayloadUnknown = "payload-unknown", Fail, "9.15",
        "a payload belongs to no record", "содержимое не относится ни к одной записи", "мазмұн ешбір жазбаға жатпайды",
        "bundle.json lists a payload for a record or slot that does not exist.";
    PayloadsVerified = "payloads-verified", Pass, "9.15",
        "all payloads are those that the records commit to", "всё содержимое подтверждено записями", "барлық мазмұн жазбалармен расталған",
        "Each payload with its salt gives both hashes (SHA-256 and SHA3-256) of its record.";
    IdMismatch = "id-mismatch", Fail, "3.5.1",
        "a record names another certificate, key or list than its payload holds", "запись указывает другой сертификат, ключ или список", "жазба басқа сертификатты, кілтті немесе тізімді атайды",
        "Ids of certificates and keys are digests; recomputed from the payload they must be those of the record.";
    ContentMismatch = "content-mismatch", Fail, "9.15",
        "the document is not the one that was described when it was formed", "документ не тот, что описан", "құжат сипатталғанға сай емес",
        "Digest or length in content-info differ from the content: one of the two is not what the sender formed.";
    // Rules.
    EventNotAllowed = "event-not-allowed", Fail, "5.3.1",
        "an event was not allowed when it happened", "событие было недопустимо", "оқиғаға жол берілмеген еді",
        "By the rules of the exchange the event could not happen in the state in which the records before it left the document; an honest ledger would have refused it.";
    RulesVerified = "rules-verified", Pass, "5.3.1",
        "all events were allowed when they happened", "все события допустимы", "барлық оқиғаға жол берілген",
        "The rules of the exchange, followed again from the first record, allow each event.";
    // Signatures.
    SignatureVerified = "signature-verified", Pass, "5.2.3.1",
        "the signature is valid", "подпись действительна", "қолтаңба жарамды",
        "Content, signature value, certificate, path to a root of the trust directory and revocation status hold at the times that count.";
    SignatureFailed = "signature-failed", Fail, "5.2.3.1",
        "the signature is not valid", "подпись недействительна", "қолтаңба жарамсыз",
        "A check of the signature failed; the detail names the sub-indication of ETSI EN 319 102-1 and the moment.";
    SignatureIndeterminate = "signature-indeterminate", Indeterminate, "5.2.3.1",
        "the signature could not be checked to the end", "подпись не удалось проверить до конца", "қолтаңбаны соңына дейін тексеру мүмкін болмады",
        "Nothing is wrong, and something could not be found out: no path to a root of the trust directory, no current revocation list, an algorithm not known here. The detail says which.";
    SignatureSetAside = "signature-set-aside", Info, "8.2",
        "a signature was set aside: a later check failed before the document was sent", "подпись отклонена: повторная проверка не пройдена до отправки", "қолтаңба шеттетілді: жіберілгенге дейінгі қайта тексеру сәтсіз болды",
        "The signature was recorded while revocation data was missing. The finding that followed says that it failed; it counts for nothing, and its slot was open again.";
    VerdictDiffers = "verdict-differs", Fail, "8.2",
        "the ledger recorded another verdict than the check gives", "записанный результат проверки не повторяется", "жазылған тексеру нәтижесі қайталанбайды",
        "With the trust snapshot, policy and revocation lists that the record names the check must come to the recorded verdict again.";
    VerdictUnchecked = "verdict-unchecked", Indeterminate, "8.2",
        "the recorded verdict could not be repeated", "записанный результат не удалось повторить", "жазылған нәтижені қайталау мүмкін болмады",
        "The trust snapshot, the policy or a revocation list that the record names is not in the bundle.";
    CertificateVerified = "certificate-verified", Pass, "8.1",
        "the certificate was in order when it was registered", "сертификат при регистрации в порядке", "сертификат тіркелгенде жарамды",
        "Path, validity, purpose and revocation status hold at registration, and the owner proved possession of the key.";
    CertificateFailed = "certificate-failed", Fail, "8.1",
        "the certificate was not in order when it was registered", "сертификат при регистрации не в порядке", "сертификат тіркелгенде жарамсыз",
        "The check of the certificate or the proof of possession fails.";
    CertificateIndeterminate = "certificate-indeterminate", Indeterminate, "8.1",
        "the certificate could not be checked to the end", "сертификат не удалось проверить до конца", "сертификатты соңына дейін тексеру мүмкін болмады",
        "Most often: the trust directory has no root that the certificate leads to, or no revocation list covers the time.";
    CompromiseNone = "compromise-none", Pass, "8.10",
        "no compromise of the key is reported", "компрометация ключа не заявлена", "кілттің компрометациясы мәлімделмеген",
        "The complete stream of the key up to the checkpoint holds no notice.";
    CompromiseContested = "compromise-contested", Info, "8.10",
        "the signature lies in a contested window", "подпись в спорном периоде компрометации", "қолтаңба компрометацияның даулы кезеңінде",
        "The owner later reported the key compromised since a time before the signature. The signature stays cryptographically valid; nothing is decided automatically (clauses 8.4, 6.13).";
    CompromiseLater = "compromise-later", Info, "8.10",
        "the key was reported compromised after the signature", "ключ скомпрометирован после подписи", "кілт қолтаңбадан кейін компрометацияланған",
        "The compromise is claimed since a time after the signature was recorded; the signature is not touched by it.";
    CompromiseClosed = "compromise-closed", Info, "8.8",
        "a reported compromise of the key was a false alarm", "сообщение о компрометации ключа оказалось ложной тревогой", "кілттің компрометациясы туралы хабарлама жалған дабыл болды",
        "The notice of compromise was taken back and the use of the key resumed; marks that rested on the notice are closed.";
    SuspendedKeyUsed = "suspended-key-used", Fail, "8.8",
        "a suspended key signed", "подписано приостановленным ключом", "тоқтатылған кілтпен қол қойылған",
        "The ledger recorded a signature after the use of the key was suspended; it should have been refused.";
    // A replay of the whole log.
    LedgerDamaged = "ledger-damaged", Fail, "5.3.9",
        "the ledger's files are damaged or incomplete", "файлы журнала повреждены или неполны", "журнал файлдары бүлінген немесе толық емес",
        "A segment file is missing, has a frame that does not have its checksum, or does not continue the file before it; or the head file knows of more records than there are. Restore the files from a copy. What stands behind the place given was not read.";
    TornTail = "torn-tail", Info, "5.3.9",
        "the files end with a batch that was never acknowledged", "в конце файлов незавершённая запись", "файлдар соңында аяқталмаған жазба бар",
        "A power cut or crash cut a write off. Nobody got a receipt for it, and opening the ledger will remove it.";
    BatchInvalid = "batch-invalid", Fail, "5.3.9",
        "a batch does not end in a seal and its checkpoint", "пакет записей не закрыт пломбой и контрольной точкой", "жазбалар тобы пломбамен және бақылау нүктесімен аяқталмаған",
        "Every batch is some records, one seal and one signed checkpoint, and holds no more records than the genesis allows.";
    MapMismatch = "map-mismatch", Fail, "5.3.7",
        "the seal's map is not that of the records", "карта лент не соответствует записям", "тізбектер картасы жазбаларға сай емес",
        "The map root in the seal is not the one that follows from all records before it: a record was left out of a stream or put into a foreign one, and every completeness proof under this seal is worthless.";
    AltRootMismatch = "alt-root-mismatch", Fail, "5.3.9",
        "the seal's second root is not that of the leaves", "второй корень не соответствует записям", "екінші түбір жазбаларға сай емес",
        "The SHA3-256 root in the seal is not the one of the leaves before it.";
    CheckpointDiffers = "checkpoint-differs", Fail, "5.3.9",
        "the signed checkpoint is of another log than the one here", "контрольная точка от другого содержания журнала", "бақылау нүктесі журналдың басқа мазмұнынан",
        "The signature holds, and size or root are not those of the leaves: the leaves were changed after they were signed, or the operator signed something else.";
    GenesisUnpinned = "genesis-unpinned", Indeterminate, "5.3.9",
        "nobody said which ledger is to be trusted", "не указано, какому журналу доверять", "қай журналға сену керектігі көрсетілмеген",
        "Without a trust directory the log is checked against the key in its own first record, which anybody can make. Run again with --trust.";
    PayloadsUnchecked = "payloads-unchecked", Indeterminate, "9.15",
        "signatures not checked: no vault key", "подписи не проверены: нет ключа хранилища", "қолтаңбалар тексерілмеді: қойма кілті жоқ",
        "Contents, certificates and signatures lie encrypted beside the log. Run again with --vault-key to check them; everything else does not need it.";
    ReceiptInvalid = "receipt-invalid", Indeterminate, "5.3.9",
        "a receipt proves nothing about this log", "квитанция ничего не доказывает об этом журнале", "түбіртек бұл журнал туралы ештеңе дәлелдемейді",
        "Its checkpoint is not signed by this ledger's key, or its proofs do not lead to the signed root.";
    Fork = "fork", Fail, "5.3.9",
        "the operator signed another history than this one", "оператор подписал другую историю", "оператор басқа тарихқа қол қойған",
        "A receipt that verifies with the ledger's own key shows another leaf at this place, another root for this size, or a longer log. Log and receipt together prove it against the operator.";
    FindingsOmitted = "findings-omitted", Info, "9.15",
        "there are more findings than are listed", "перечислены не все замечания", "барлық ескертпе тізімделмеген",
        "The list is cut so that a damaged log does not fill the disk; mend what is listed and run again.";
    LogVerified = "log-verified", Pass, "5.3.9",
        "the whole log was followed from its first leaf", "весь журнал проверен с первой записи", "бүкіл журнал бірінші жазбадан бастап тексерілді",
        "Every leaf, chain, stream, seal, map and checkpoint is the one that follows from the leaves before it, and no event breaks a rule of the exchange.";
    // What cannot be known.
    OperatorWordOnly = "operator-word-only", Info, "5.3.9",
        "operator's word only: no witness quorum", "только слово оператора: нет свидетелей", "тек оператор сөзі: куәгерлер жоқ",
        "No independent witness cosigned the checkpoint. The operator cannot take back what it signed, and it could have signed a second history for somebody else; compare with receipts of the parties.";
    TimesOperator = "times-operator", Info, "9.15",
        "times are the operator's", "время указано оператором", "уақытты оператор көрсеткен",
        "No timestamp of a third party brackets the records; the order is proven, the clock is the operator's.";
    JournalNumbers = "journal-numbers", Info, "5.3.7",
        "journal numbers cannot be checked from one document", "номера журналов по одному документу не проверить", "журнал нөмірлерін бір құжатпен тексеру мүмкін емес",
        "Numbers follow from the order of all documents of a participant in a year; a replay of the ledger checks them.";
    ReadmeDiffers = "readme-differs", Info, "9.15",
        "the text for people is not that of this version", "пояснительный текст другой версии", "түсіндірме мәтін басқа нұсқада",
        "README.txt is of another version or was exchanged; do not rely on the commands in it.";
    AsOf = "as-of", Info, "9.15",
        "answers are as of an earlier time", "ответы на более ранний момент", "жауаптар ертерек уақытқа",
        "Records after the time asked for were checked and left out of the answers.";
    CheckpointOld = "checkpoint-old", Info, "9.15",
        "the checkpoint is older than a day", "контрольная точка старше суток", "бақылау нүктесі бір тәуліктен ескі",
        "What happened since is not in the bundle. Ask for a new export if it matters.";
}

impl Code {
    /// The code with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_and_none_disappears() {
        let known: Vec<&str> = include_str!("finding/codes.txt").lines().collect();
        for code in Code::ALL {
            assert!(known.contains(&code.as_str()), "write {code} into finding/codes.txt");
            assert!(code.explanation().len() > code.title().len(), "{code}");
            assert!(code.explanation().ends_with('.') && !code.title().ends_with('.'), "{code}");
            for title in [code.title(), code.title_ru(), code.title_kk(), code.clause()] {
                assert!(!title.is_empty(), "{code}");
            }
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        for code in &known {
            assert!(Code::parse(code).is_some(), "{code} has disappeared");
        }
        assert_eq!(known.len(), Code::ALL.len());
    }
}
