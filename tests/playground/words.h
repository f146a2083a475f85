/* What names and texts are made of. Included by records.c alone. */
static const char *const first_names[] = {"Ada", "Zoë", "Łukasz", "Amara", "Björn", "Chidi",
    "Dolores", "Émile", "Farah", "Grace", "Hana", "Ivo", "Jun", "Kofi", "Leïla", "Mara", "Nguyễn",
    "Olga", "Pádraig", "Quentin", "Rosa", "Søren", "Teresa", "Uma", "Víctor", "Wen", "Xiomara",
    "Yusuf", "Žofie", "花子"};
static const char *const last_names[] = {"Quill", "O'Neill", "Małecki", "Weir", "Åström", "Okafor",
    "Ibarra", "Côté", "Haddad", "Hopper", "Tanaka", "Novák", "Park", "Mensah", "Benali", "Schwarz",
    "Văn", "Smirnova", "Byrne", "Van der Berg", "Lindqvist", "Kjær", "García", "Iyer", "山田"};
static const char *const jobs[] = {"Surveyor", "Data engineer", "Baker", "Librarian", "Bookbinder",
    "Nurse", "Systems analyst", "Gardener", "Cartographer", "Welder", "Café manager", "Pilot",
    "Archivist"};
static const char *const firms[] = {"Quill & Sons", "Alder Ltd", "Weir, Lock and Co", "Nordlys AS",
    "Café Sol", "Hull Dock Works", "Tern Analytics", "Brook \"Bright\" Brothers"};
static const char *const streets[] = {"Weir Lane", "Dock St", "Mill Road", "Rue de l'Étoile",
    "Høyveien", "Calle Mayor", "Church Walk", "Kanalgatan"};
static const char *const cities[] = {
    "Hull", "Leeds", "Little Marlow", "Malmö", "Kraków", "Lyon", "Cádiz", "Reykjavík"};
static const char *const countries[] = {"GB", "GB", "GB", "SE", "PL", "FR", "ES", "IS"};
static const char *const departments[] = {
    "Platform", "Finance", "People", "Sales", "R&D", "Qualité"};
static const char *const documents[] = {"Passport", "Contract", "Payslip \"March\"", "Résumé",
    "Right to work\ncheck", "Tax form", "契約書", "Sick note 🤒"};
static const char *const tags[] = {"id", "eu", "signed", "café", "2025", "needs \"review\""};
static const char *const skills[] = {
    "C", "SQL", "café rota", "spreadsheets", "日本語", "driving licence"};
