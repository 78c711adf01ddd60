//! The words of a page in the three languages: one structure, so that none can lack a word.

use ledger_core::pki::certificate::Role;
use ledger_core::pki::report::{Language, Outcome};
use ledger_core::pki::trust::{Authority, Hierarchy};

/// The words that are not those of a code.
pub(super) struct Wording {
    pub(super) passed: &'static str,
    pub(super) failed: &'static str,
    pub(super) indeterminate: &'static str,
    pub(super) document: &'static str,
    pub(super) inside: &'static str,
    pub(super) policy: &'static str,
    pub(super) trust: &'static str,
    pub(super) roots: &'static str,
    pub(super) at: &'static str,
    pub(super) at_receipt: &'static str,
    pub(super) given: &'static str,
    pub(super) unusable: &'static str,
    pub(super) message: &'static str,
    pub(super) signature: &'static str,
    pub(super) certificate: &'static str,
    pub(super) serial: &'static str,
    pub(super) issuer: &'static str,
    pub(super) valid: &'static str,
    pub(super) roles: &'static str,
    pub(super) claimed: &'static str,
    pub(super) only_claimed: &'static str,
    pub(super) proven: &'static str,
    pub(super) timestamp: &'static str,
    pub(super) time: &'static str,
    pub(super) chain: &'static str,
    pub(super) algorithms: &'static str,
    pub(super) checks: &'static str,
}

const ENGLISH: Wording = Wording {
    passed: "PASSED",
    failed: "FAILED",
    indeterminate: "INDETERMINATE",
    document: "document",
    inside: "taken out of the signature itself: it is what was signed, whatever you were shown",
    policy: "policy",
    trust: "trust",
    roots: "roots",
    at: "at signing",
    at_receipt: "at receipt",
    given: "as given on the command line, not proven",
    unusable: "evidence that cannot be used (SHA-256)",
    message: "Message",
    signature: "Signature",
    certificate: "certificate",
    serial: "serial number",
    issuer: "issued by",
    valid: "valid",
    roles: "roles",
    claimed: "claimed time",
    only_claimed: "the signer's word only; never used",
    proven: "time that counts",
    timestamp: "Timestamp",
    time: "time",
    chain: "Chain",
    algorithms: "Algorithms",
    checks: "Checks",
};

const RUSSIAN: Wording = Wording {
    passed: "ПРОЙДЕНО",
    failed: "НЕ ПРОЙДЕНО",
    indeterminate: "НЕ УСТАНОВЛЕНО",
    document: "документ",
    inside: "взят из самой подписи: подписано именно это, что бы вам ни показывали",
    policy: "политика",
    trust: "доверие",
    roots: "корней",
    at: "при подписании",
    at_receipt: "при получении",
    given: "как указано в командной строке, не доказано",
    unusable: "непригодные данные (SHA-256)",
    message: "Сообщение",
    signature: "Подпись",
    certificate: "сертификат",
    serial: "серийный номер",
    issuer: "выпущен",
    valid: "действует",
    roles: "роли",
    claimed: "заявленное время",
    only_claimed: "только слова подписавшего; не используется",
    proven: "учитываемое время",
    timestamp: "Метка времени",
    time: "время",
    chain: "Цепочка",
    algorithms: "Алгоритмы",
    checks: "Проверки",
};

const KAZAKH: Wording = Wording {
    passed: "ӨТТІ",
    failed: "ӨТПЕДІ",
    indeterminate: "АНЫҚТАЛМАДЫ",
    document: "құжат",
    inside: "қолтаңбаның өзінен алынды: сізге не көрсетілсе де, дәл осыған қол қойылған",
    policy: "саясат",
    trust: "сенім",
    roots: "түбір",
    at: "қол қою кезінде",
    at_receipt: "алу кезінде",
    given: "командалық жолда берілген, дәлелденбеген",
    unusable: "жарамсыз деректер (SHA-256)",
    message: "Хабарлама",
    signature: "Қолтаңба",
    certificate: "сертификат",
    serial: "сериялық нөмірі",
    issuer: "шығарған",
    valid: "қолданыста",
    roles: "рөлдері",
    claimed: "мәлімделген уақыт",
    only_claimed: "тек қол қоюшының сөзі; пайдаланылмайды",
    proven: "ескерілетін уақыт",
    timestamp: "Уақыт белгісі",
    time: "уақыты",
    chain: "Тізбек",
    algorithms: "Алгоритмдер",
    checks: "Тексерулер",
};

/// The words of a language.
pub(super) const fn of(language: Language) -> &'static Wording {
    match language {
        Language::English => &ENGLISH,
        Language::Russian => &RUSSIAN,
        Language::Kazakh => &KAZAKH,
    }
}

/// Of three words in the order English, Russian, Kazakh that of the language.
const fn pick(language: Language, words: [&'static str; 3]) -> &'static str {
    let [english, russian, kazakh] = words;
    match language {
        Language::English => english,
        Language::Russian => russian,
        Language::Kazakh => kazakh,
    }
}

pub(super) const fn outcome(outcome: Outcome, language: Language) -> &'static str {
    let words = match outcome {
        Outcome::Pass => ["ok", "верно", "дұрыс"],
        Outcome::Warning => ["note", "замечание", "ескерту"],
        Outcome::NotApplicable => ["-", "-", "-"],
        Outcome::Indeterminate => ["OPEN", "НЕ ЯСНО", "БЕЛГІСІЗ"],
        Outcome::Fail => ["FAIL", "ОШИБКА", "ҚАТЕ"],
    };
    pick(language, words)
}

pub(super) const fn role(role: Role, language: Language) -> &'static str {
    let words = match role {
        Role::Individual => ["individual", "физическое лицо", "жеке тұлға"],
        Role::LegalEntity => ["legal entity", "юридическое лицо", "заңды тұлға"],
        Role::Head => ["first head", "первый руководитель", "бірінші басшы"],
        Role::MaySign => ["right to sign", "право подписи", "қол қою құқығы"],
        Role::MaySignFinancial => [
            "right to sign financial documents",
            "право подписи финансовых документов",
            "қаржы құжаттарына қол қою құқығы",
        ],
        Role::HumanResources => ["personnel department", "сотрудник отдела кадров", "кадр бөлімінің қызметкері"],
        Role::Employee => ["employee", "сотрудник организации", "ұйым қызметкері"],
        Role::InformationSystem => ["information system", "информационная система", "ақпараттық жүйе"],
        Role::TreasuryClient => ["treasury client", "казначейство-клиент", "қазынашылық-клиент"],
        Role::AuthorityStaff => [
            "staff of the certification authority",
            "сотрудник удостоверяющего центра",
            "куәландырушы орталық қызметкері",
        ],
        Role::Identification => ["identification", "идентификация", "сәйкестендіру"],
    };
    pick(language, words)
}

pub(super) const fn hierarchy(hierarchy: Hierarchy, language: Language) -> &'static str {
    let words = match hierarchy {
        Hierarchy::Production => ["production hierarchy", "рабочая иерархия", "жұмыс иерархиясы"],
        Hierarchy::Test => ["TEST hierarchy", "ТЕСТОВАЯ иерархия", "СЫНАҚ иерархиясы"],
    };
    pick(language, words)
}

pub(super) const fn authority(authority: Authority, language: Language) -> &'static str {
    let words = match authority {
        Authority::Root => ["root authority", "КУЦ РК", "ҚР НКО"],
        Authority::National => ["national authority", "НУЦ РК", "ҚР ҰКО"],
        Authority::StateBodies => ["authority of state bodies", "УЦ ГО", "МО КО"],
        Authority::Btsd => ["BTS Digital", "BTS Digital", "BTS Digital"],
        Authority::Bank => ["bank", "банк", "банк"],
        Authority::Timestamping => ["timestamping authority", "служба меток времени", "уақыт белгісі қызметі"],
        Authority::Other => ["other authority", "иной удостоверяющий центр", "басқа куәландырушы орталық"],
    };
    pick(language, words)
}

/// What each check of a report is about, by its place in the report, without moments and numbers.
const CHECKS: [(&str, [&str; 3]); 23] = [
    ("", ["form", "форма", "пішіні"]),
    ("format", ["form", "форма", "пішіні"]),
    ("imprint_check", ["stamped bytes", "что отмечено", "белгіленген байттар"]),
    ("integrity", ["content and key of the token", "содержимое и ключ метки", "белгінің мазмұны мен кілті"]),
    ("integrity.content_type", ["content type", "тип содержимого", "мазмұн түрі"]),
    (
        "integrity.message_digest",
        ["document is the signed one", "документ - тот, что подписан", "құжат - қол қойылған құжат"],
    ),
    ("integrity.signature_value", ["signature value", "значение подписи", "қолтаңба мәні"]),
    ("integrity.signed_attrs_der", ["order of attributes", "порядок атрибутов", "атрибуттар реті"]),
    ("signer.check", ["signer's certificate", "сертификат подписавшего", "қол қоюшының сертификаты"]),
    (
        "signer.signing_certificate_attr",
        ["binding to the certificate", "связь с сертификатом", "сертификатпен байланысы"],
    ),
    ("signing_certificate_attr", ["binding to the certificate", "связь с сертификатом", "сертификатпен байланысы"]),
    ("key_usage", ["purpose of the certificate", "назначение сертификата", "сертификаттың мақсаты"]),
    ("signer.identifiers", ["identification numbers", "идентификационные номера", "сәйкестендіру нөмірлері"]),
    (
        "signer.authority",
        ["right to sign such a document", "право подписи такого документа", "мұндай құжатқа қол қою құқығы"],
    ),
    ("algorithms", ["algorithms", "алгоритмы", "алгоритмдер"]),
    ("chain.check", ["chain to a trusted root", "цепочка до доверенного корня", "сенімді түбірге дейінгі тізбек"]),
    ("chain_at.check", ["chain to a trusted root", "цепочка до доверенного корня", "сенімді түбірге дейінгі тізбек"]),
    ("validity", ["validity of the certificate", "срок действия сертификата", "сертификаттың мерзімі"]),
    ("certificate_validity", ["validity of the certificate", "срок действия сертификата", "сертификаттың мерзімі"]),
    ("certificate_validity_at", ["validity of the certificate", "срок действия сертификата", "сертификаттың мерзімі"]),
    ("revocation.check", ["revocation of certificate", "отзыв сертификата", "сертификаттың кері қайтарылуы"]),
    ("revocation_at.check", ["revocation of certificate", "отзыв сертификата", "сертификаттың кері қайтарылуы"]),
    ("timestamps", ["timestamps", "метки времени", "уақыт белгілері"]),
];

/// The place of the check in the order of the page, and its words; a check that is new here goes by its own name.
pub(super) fn check(place: &str, language: Language) -> (usize, String) {
    match CHECKS.iter().position(|(known, _)| *known == place) {
        Some(index) => {
            let words = CHECKS.get(index).map(|(_, words)| pick(language, *words)).unwrap_or_default();
            (index, words.to_owned())
        }
        None => (CHECKS.len(), place.replace(['.', '_'], " ")),
    }
}
